import type { DeviceState, Forum } from '../contract';
import { Declined, Unreachable } from '../http';
import * as api from './api';
import { type Battery, watchBattery } from './battery';
import { News } from './news';

const EVERY_MS = 20_000;
const EVERY_MS_WHEN_LOST = 5000;
const SOON_MS = 2000;
const UNAUTHORIZED = 401;

/** What the gate is asked and told while it keeps in contact. */
export interface Party {
  readonly token: string | null;
  readonly lost: boolean;
  readonly pending: number;
  readonly copiedAt: Date | null;
  /** @param device null while unpaired */
  reached(forum: Forum, asked: number, device: DeviceState | null): Promise<void>;
  unreachable(): void;
  revoked(): void;
  /** Something that the device has a copy of has changed. */
  news(): void;
}

/** Keeps in contact with the server: every twenty seconds, and at once when something happens. */
export class Contact {
  readonly #party: Party;
  readonly #news = new News();
  #battery: Battery | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #touching: Promise<void> | null = null;
  #reported = '';
  #stopped = false;

  constructor(party: Party) {
    this.#party = party;
  }

  start(): void {
    addEventListener('online', this.#touch);
    addEventListener('offline', this.#lose);
    void watchBattery((battery) => {
      this.#battery = battery;
      this.soon();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    removeEventListener('online', this.#touch);
    removeEventListener('offline', this.#lose);
    this.#news.close();
  }

  /** Talks to the server now; two that ask at the same time share one talk. */
  touch(): Promise<void> {
    this.#touching ??= this.#talk().finally(() => {
      this.#touching = null;
      this.#plan(this.#party.lost ? EVERY_MS_WHEN_LOST : EVERY_MS);
    });
    return this.#touching;
  }

  /** Something of the device's state has changed: if so, the server hears of it shortly. */
  soon(): void {
    if (this.#state !== this.#reported && !this.#party.lost) this.#plan(SOON_MS);
  }

  /** The line to the server's news belongs to one pairing. */
  hangUp(): void {
    this.#news.close();
  }

  #touch = (): void => void this.touch();

  #lose = (): void => {
    this.#news.close();
    this.#party.unreachable();
  };

  #plan(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(this.#touch, milliseconds);
  }

  async #talk(): Promise<void> {
    const { token } = this.#party;
    try {
      const asked = Date.now();
      const forum = await api.readForum();
      const device = token === null ? null : await this.#report(token);
      if (token !== this.#party.token) return;
      await this.#party.reached(forum, asked, device);
      if (token !== null && !this.#news.open) this.#listen(token);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Takes note of a failed call, wherever it was made. */
  fail(error: unknown): void {
    if (error instanceof Unreachable) this.#party.unreachable();
    else if (error instanceof Declined) {
      if (error.status === UNAUTHORIZED) this.#party.revoked();
    } else {
      throw error;
    }
  }

  #report(token: string): Promise<DeviceState> {
    this.#reported = this.#state;
    const { pending, copiedAt } = this.#party;
    return api.reportDevice(token, {
      battery: this.#battery?.level ?? null,
      charging: this.#battery?.charging ?? null,
      app_version: __APP_VERSION__,
      pending,
      replica_at: copiedAt?.toISOString() ?? null,
      device_now: new Date().toISOString(),
    });
  }

  /** What the server should hear of before the twenty seconds are over. */
  get #state(): string {
    const { pending, copiedAt } = this.#party;
    return JSON.stringify([this.#battery?.charging, pending > 0, copiedAt === null]);
  }

  #listen(token: string): void {
    void this.#news
      .listen(token, () => this.#party.news())
      // Its end is often the first sign of a lost network, or of a revoked token.
      .then(() => this.#plan(this.#party.lost ? EVERY_MS_WHEN_LOST : SOON_MS));
  }
}
