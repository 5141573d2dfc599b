import type { ScanAnswer, ScanRequest } from '../contract';
import { Declined, Unreachable } from '../http';

export type Send = (scan: ScanRequest) => Promise<ScanAnswer>;

interface Entry {
  readonly scan: ScanRequest;
  readonly settle: (answer: ScanAnswer) => void;
  readonly decline: (problem: Declined) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const TOO_MANY_REQUESTS = 429;

/**
 * Scans on their way to the server: one after the other, in the order in which they were made. One
 * that gets no answer goes again under the same id, which the server counts once, and the others
 * wait behind it.
 */
export class ScanQueue {
  /** True from a failed attempt to the next that succeeds. */
  unreachable = false;

  readonly #send: Send;
  readonly #changed: () => void;
  readonly #entries: Entry[] = [];
  #sending = false;
  #pause = FIRST_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: Send, changed: () => void) {
    this.#send = send;
    this.#changed = changed;
  }

  get waiting(): number {
    return this.#entries.length;
  }

  /**
   * @returns the server's answer, however long it takes to get it
   * @throws Declined when the server will never take this scan
   */
  add(scan: ScanRequest): Promise<ScanAnswer> {
    return new Promise((settle, decline) => {
      this.#entries.push({ scan, settle, decline });
      this.#changed();
      // A first attempt at once, also while earlier ones wait for the network: it may be back.
      this.resume();
    });
  }

  /** Tries now instead of after the pause: the network is said to be back. */
  resume(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#work();
  }

  /** Gives up what is left, as when the device is unpaired. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#entries.length = 0;
  }

  async #work(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let entry = this.#entries[0]; entry; entry = this.#entries[0]) {
        if (!(await this.#deliver(entry))) break;
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Whether the entry is done with. */
  async #deliver(entry: Entry): Promise<boolean> {
    try {
      const answer = await this.#send(entry.scan);
      this.#leave();
      entry.settle(answer);
    } catch (error) {
      if (error instanceof Unreachable) return this.#postpone(error.retryAfter);
      if (!(error instanceof Declined)) throw error;
      if (error.status === TOO_MANY_REQUESTS) return this.#postpone(null);
      this.#leave();
      entry.decline(error);
    }
    return true;
  }

  #leave(): void {
    this.#entries.shift();
    this.#pause = FIRST_PAUSE_MS;
    this.unreachable = false;
    this.#changed();
  }

  #postpone(retryAfter: number | null): false {
    this.unreachable = true;
    const pause = retryAfter === null ? this.#pause : retryAfter * 1000;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    this.#timer = setTimeout(() => this.resume(), pause);
    this.#changed();
    return false;
  }
}
