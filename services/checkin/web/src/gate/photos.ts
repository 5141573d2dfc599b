import type { Participant } from '../contract';
import { Declined } from '../http';
import * as api from './api';
import type { Copy } from './copy';
import { answerTo, transact } from './database';

/** Of 16 kB at most, as the server promises: 40 MB. */
const MOST_KEPT = 2500;
/** Photos come one after the other and leave nine tenths of the time to the scans. */
const REST = 9;
const SHORTEST_REST_MS = 100;

type Pictured = Pick<Participant, 'registration_id' | 'photo'>;

/** A person's photo of one edition, as the browser's database names it. */
type Key = [registrationId: string, edition: number];

/** What the photos are of, and when they may be fetched and kept. */
export interface Surroundings {
  readonly copy: Copy;
  /** Null while nothing can be fetched */
  readonly token: string | null;
  /** Scans wait for the server: they go first. */
  readonly busy: boolean;
  /** Whether anything personal may be kept now */
  readonly keeping: boolean;
}

/**
 * The photos of the people in the copy, fetched bit by bit in the background, so that they are there
 * without a network. Nothing ever waits for them.
 */
export class Photos {
  readonly #around: Surroundings;
  /** The editions on the device, by person */
  #kept: Map<string, number> | null = null;
  /** What the server does not have after all */
  readonly #missing = new Set<string>();
  #tending = false;
  #stopped = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Somebody's photo, from the device if it has it, else from the server; null without one. */
  async of(person: Pictured): Promise<Blob | null> {
    const key = keyOf(person);
    if (!key) return null;
    try {
      const jpeg = (await this.#recall(key)) ?? (await this.#fetch(key));
      return jpeg && new Blob([jpeg], { type: 'image/jpeg' });
    } catch {
      return null;
    }
  }

  /** Brings what is kept in line with the copy, in the background. */
  tend(): void {
    if (this.#tending || !this.#around.keeping) return;
    this.#tending = true;
    this.#followCopy()
      // Without a network: the next contact begins again.
      .catch(() => {})
      .finally(() => (this.#tending = false));
  }

  /** Fetches and writes nothing from now on: what was kept is about to be wiped. */
  stop(): void {
    this.#stopped = true;
  }

  async #followCopy(): Promise<void> {
    await this.#dropStale();
    for (const key of await this.#wanted()) {
      while (this.#around.busy && this.#reaching) await pause(SHORTEST_REST_MS);
      if (!this.#reaching) return;
      const began = performance.now();
      await this.#fetch(key);
      await pause(Math.max(SHORTEST_REST_MS, REST * (performance.now() - began)));
    }
  }

  get #reaching(): boolean {
    return this.#around.token !== null && !this.#stopped;
  }

  /** The photos that a gate may need and the device lacks: of who registered last first. */
  async #wanted(): Promise<Key[]> {
    const kept = await this.#index();
    const wanted = new Map<string, Key>();
    for (const badge of this.#around.copy.all()) {
      const key = badge.status === 'valid' ? keyOf(badge) : null;
      if (!key || kept.get(key[0]) === key[1] || this.#missing.has(key.join())) continue;
      wanted.set(key[0], key);
    }
    // A registration's id begins with its time.
    return [...wanted.values()]
      .sort(([one], [other]) => (one < other ? 1 : -1))
      .slice(0, Math.max(0, MOST_KEPT - kept.size));
  }

  /** Removes the photos of who is erased, or has another one. */
  async #dropStale(): Promise<void> {
    const kept = await this.#index();
    const current = new Map<string, number | null | undefined>();
    for (const badge of this.#around.copy.all()) current.set(badge.registration_id, badge.photo);
    const stale = [...kept].filter(([id, edition]) => current.get(id) !== edition);
    if (stale.length === 0) return;
    await transact(['photos'], 'readwrite', (transaction) => {
      for (const key of stale) transaction.objectStore('photos').delete(key);
    });
    for (const [id] of stale) kept.delete(id);
  }

  async #index(): Promise<Map<string, number>> {
    this.#kept ??= new Map(
      await transact(['photos'], 'readonly', (transaction) =>
        answerTo(transaction.objectStore('photos').getAllKeys()),
      ).then((keys) => keys as unknown as Key[]),
    );
    return this.#kept;
  }

  #recall(key: Key): Promise<ArrayBuffer | undefined> {
    return transact(['photos'], 'readonly', (transaction) =>
      answerTo<ArrayBuffer | undefined>(transaction.objectStore('photos').get(key)),
    );
  }

  /** @throws Unreachable */
  async #fetch(key: Key): Promise<ArrayBuffer | null> {
    const { token } = this.#around;
    if (token === null || this.#stopped) return null;
    try {
      const jpeg = await api.readPhoto(token, key[0]);
      // Shown all the same where the disk is full.
      void this.#keep(key, jpeg).catch(() => {});
      return jpeg;
    } catch (error) {
      if (!(error instanceof Declined)) throw error;
      this.#missing.add(key.join());
      return null;
    }
  }

  async #keep(key: Key, jpeg: ArrayBuffer): Promise<void> {
    const kept = await this.#index();
    if (!this.#around.keeping || kept.size >= MOST_KEPT || this.#stopped) return;
    await transact(['photos'], 'readwrite', (transaction) => {
      const photos = transaction.objectStore('photos');
      // Of a person, one: an array comes behind all numbers.
      photos.delete(IDBKeyRange.bound([key[0]], [key[0], []]));
      photos.put(jpeg, key);
    });
    kept.set(...key);
  }
}

function keyOf({ registration_id, photo }: Pictured): Key | null {
  return photo === null || photo === undefined ? null : [registration_id, photo];
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
