import type { Direction, Forum, Gate, Presented, ScanAnswer } from '../contract';
import { ForumClock } from '../forum-clock';
import { Declined, Unreachable } from '../http';
import * as api from './api';
import * as device from './device';
import { ScanQueue } from './queue';
import { uuid7 } from './uuid7';

/** One scan as the officer sees it, from the read to the answer and perhaps the undo. */
export interface Scan {
  readonly id: string;
  readonly presented: Presented;
  readonly direction: Direction;
  readonly at: Date;
  readonly answer: ScanAnswer | null;
  /** Why the server did not take it, in its own words */
  readonly fault: string | null;
  readonly undone: boolean;
}

export type Stage = 'starting' | 'pairing' | 'paired';
export type PairFault = 404 | 410 | 422 | 429 | 'unreadable' | 'unreachable';

const KEPT_SCANS = 50;
const CONTACT_EVERY_MS = 20_000;
const UNAUTHORIZED = 401;

/**
 * The gate without its screen: which device this is, which forum, what was scanned and answered,
 * and whether the server can be reached. Says `change` whenever any of that changes, `answer` when
 * the newest scan has got its answer, and `revoked` when the control room has unpaired the device.
 */
export class Session extends EventTarget {
  stage: Stage = 'starting';
  forum: Forum | null = null;
  clock = new ForumClock(0, 'Europe/Zurich');
  offlineSince: Date | null = null;
  scans: readonly Scan[] = [];

  #device: device.Device | null = null;
  #contact: ReturnType<typeof setInterval> | undefined;
  #queue = this.#newQueue();

  /** Finds the kept device, or asks for pairing; then keeps in contact with the server. */
  async start(): Promise<void> {
    this.#device = device.recall();
    this.#enter(this.#device ? 'paired' : 'pairing');
    this.#contact = setInterval(() => void this.touch(), CONTACT_EVERY_MS);
    await this.touch();
  }

  stop(): void {
    clearInterval(this.#contact);
  }

  /** @throws Declined or Unreachable, and the device stays as it was */
  async pair(code: string): Promise<void> {
    const { device_id, token, gate } = await api.pair(code);
    this.#forgetScans();
    this.#remember({
      deviceId: device_id,
      token,
      gate,
      direction: null,
      tally: device.NO_TALLY,
    });
    this.#enter('paired');
    await this.touch();
  }

  unpair(): void {
    device.wipe();
    this.#device = null;
    this.#forgetScans();
    this.#enter('pairing');
  }

  /** Asks the server for the time, the forum and this device's gate. */
  async touch(): Promise<void> {
    try {
      await this.#refresh();
      this.offlineSince = null;
      this.#queue.resume();
    } catch (error) {
      this.#noteFailure(error);
    }
    this.#changed();
  }

  async #refresh(): Promise<void> {
    const asked = Date.now();
    const forum = await api.readForum();
    this.forum = forum;
    this.clock = ForumClock.set(forum.now, forum.timezone, asked, Date.now());
    if (!this.#device) return;
    const { gate } = await api.readDevice(this.#device.token);
    // The lead may have moved the device meanwhile; its direction is then the new gate's.
    if (this.#device && gate !== this.#device.gate) {
      this.#remember({ ...this.#device, gate, direction: null });
    }
  }

  #noteFailure(error: unknown): void {
    if (error instanceof Declined) {
      if (error.status === UNAUTHORIZED) this.#revoked();
    } else if (error instanceof Unreachable) {
      this.offlineSince ??= this.clock.now();
    } else {
      throw error;
    }
  }

  #revoked(): void {
    if (!this.#device) return;
    this.unpair();
    this.dispatchEvent(new Event('revoked'));
  }

  get gate(): Gate | null {
    return this.forum?.gates.find(({ id }) => id === this.#device?.gate) ?? null;
  }

  get direction(): Direction {
    return this.#device?.direction ?? this.gate?.direction ?? 'in';
  }

  get tally(): device.Tally {
    const tally = this.#device?.tally ?? device.NO_TALLY;
    const day = this.clock.day(this.clock.now());
    return tally.day === day ? tally : { ...device.NO_TALLY, day };
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  get newest(): Scan | null {
    return this.scans[0] ?? null;
  }

  turn(direction: Direction): void {
    if (!this.#device) return;
    this.#remember({ ...this.#device, direction });
    this.#changed();
  }

  /** Sends what was presented; the answer arrives in `scans`, now or when the network is back. */
  scan(presented: Presented, overrideReason?: string): void {
    const scan: Scan = {
      id: uuid7(),
      presented,
      direction: this.direction,
      at: this.clock.now(),
      answer: null,
      fault: null,
      undone: false,
    };
    this.scans = [scan, ...this.scans].slice(0, KEPT_SCANS);
    void this.#settle(scan, overrideReason);
  }

  async #settle(scan: Scan, overrideReason?: string): Promise<void> {
    try {
      const answer = await this.#queue.add({
        ...scan.presented,
        scan_id: scan.id,
        direction: scan.direction,
        scanned_at: scan.at.toISOString(),
        ...(overrideReason === undefined ? {} : { override: { reason: overrideReason } }),
      });
      this.#replace({ ...scan, answer });
      this.#count(answer);
    } catch (error) {
      if (!(error instanceof Declined)) throw error;
      this.#replace({ ...scan, fault: error.message });
      this.#noteFailure(error);
    }
    this.#changed();
    if (this.newest?.id === scan.id) this.dispatchEvent(new Event('answer'));
  }

  /** @throws Declined or Unreachable, and the scan stands */
  async undo(scan: Scan, reason: string): Promise<void> {
    if (!this.#device) return;
    await api.undoScan(this.#device.token, scan.id, reason);
    this.#replace({ ...scan, undone: true });
    this.#changed();
  }

  #count({ decision }: ScanAnswer): void {
    if (!this.#device) return;
    const tally = this.tally;
    this.#remember({ ...this.#device, tally: { ...tally, [decision]: tally[decision] + 1 } });
  }

  #replace(scan: Scan): void {
    this.scans = this.scans.map((kept) => (kept.id === scan.id ? scan : kept));
  }

  #remember(kept: device.Device): void {
    this.#device = kept;
    device.keep(kept);
  }

  /** Scans of one pairing never leave under the token of another. */
  #forgetScans(): void {
    this.#queue.stop();
    this.#queue = this.#newQueue();
    this.scans = [];
  }

  #newQueue(): ScanQueue {
    return new ScanQueue(
      (scan) => api.sendScan(this.#device?.token ?? '', scan),
      () => this.#queueChanged(),
    );
  }

  #queueChanged(): void {
    if (this.#queue.unreachable) this.offlineSince ??= this.clock.now();
    else if (this.#queue.waiting === 0) this.offlineSince = null;
    this.#changed();
  }

  #enter(stage: Stage): void {
    this.stage = stage;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event('change'));
  }
}

/** Which of the sentences about a failed pairing applies. */
export function pairFault(error: unknown): PairFault {
  if (!(error instanceof Declined)) return 'unreachable';
  const { status } = error;
  return status === 404 || status === 410 || status === 429 ? status : 422;
}
