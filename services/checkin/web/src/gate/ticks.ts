import type { Marks } from '../contract';
import { Declined } from '../http';
import { answerTo, transact } from './database';

/** The roll call as the control room and everybody else who looks for people have it. */
export interface RollCall {
  /** @throws Declined or Unreachable */
  marks(): Promise<Marks>;
  /** @throws Declined or Unreachable */
  mark(registrationId: string, isFound: boolean): Promise<void>;
}

/** Whether the control room sees a tick: at once, when the server answers again, or never. */
export type Reach = 'now' | 'later' | 'never';

interface Kept {
  /** The day whose closing ends the presence of those who were looked for */
  readonly session: string;
  readonly found: readonly string[];
  /** The roll call that the device has heard of */
  readonly call: string | null;
  /** Ticks, set and taken away, that the server has not got */
  readonly unsent: readonly (readonly [registrationId: string, isFound: boolean])[];
}

const KEY = 'ticks';
const SETTLED = [404, 409];

/**
 * Who was found outside: as ticked on this device and, while the server answers and a roll call
 * goes on, by everybody else. Kept through a reload, and wiped with the copy.
 */
export class Ticks {
  found: ReadonlySet<string> = new Set();
  reach: Reach = 'never';

  readonly #session: string;
  readonly #rollCall: RollCall;
  /**
   * Ticks of one roll call are no marks in another: people went back in meanwhile. Those of before
   * it, made since the list was opened, are.
   */
  #call: string | null = null;
  #unsent = new Map<string, boolean>();
  /** How often somebody was ticked: what the server said before is old then. */
  #ticked = 0;

  constructor(session: string, rollCall: RollCall) {
    this.#session = session;
    this.#rollCall = rollCall;
  }

  async recall(): Promise<void> {
    const kept = await transact(['copy'], 'readonly', (transaction) =>
      answerTo<Partial<Kept> | undefined>(transaction.objectStore('copy').get(KEY)),
    );
    if (kept?.session !== this.#session) return;
    this.found = new Set(kept.found);
    if (!kept.call) return;
    this.#call = kept.call;
    this.#unsent = new Map(kept.unsent);
    this.reach = 'later';
  }

  /** Ticks somebody, or takes the tick away. */
  async tick(registrationId: string): Promise<void> {
    const isFound = !this.found.has(registrationId);
    this.#ticked += 1;
    this.found = withTick(this.found, registrationId, isFound);
    this.#unsent.set(registrationId, isFound);
    await this.#keep();
    if (this.reach !== 'now') return;
    try {
      await this.#send(registrationId, isFound);
      await this.#keep();
    } catch {
      this.reach = 'later';
    }
  }

  /** Sends what waits, and learns whom the others have found. */
  async look(): Promise<void> {
    const ticked = this.#ticked;
    try {
      let marks = await this.#rollCall.marks();
      this.#follow(marks);
      if (this.#call && this.#unsent.size > 0) {
        await this.#sendAll(marks);
        marks = await this.#rollCall.marks();
      }
      if (this.#call && ticked === this.#ticked) this.#take(marks);
    } catch {
      this.reach = this.#call ? 'later' : 'never';
    }
    await this.#keep();
  }

  #follow({ roll_call: call }: Marks): void {
    const id = call?.id ?? null;
    if (this.#call && id !== this.#call) this.#unsent.clear();
    this.#call = id;
    this.reach = id ? 'now' : 'never';
  }

  async #sendAll({ people }: Marks): Promise<void> {
    for (const [registrationId, isFound] of [...this.#unsent]) {
      // Whoever is looked for again since is not found by a tick from before.
      if (isFound && people[registrationId]?.state === 'missing') this.#unsent.delete(registrationId);
      else await this.#send(registrationId, isFound);
    }
  }

  async #send(registrationId: string, isFound: boolean): Promise<void> {
    try {
      await this.#rollCall.mark(registrationId, isFound);
    } catch (error) {
      // Nobody whom the server knows, or no roll call any more: it would be declined again.
      if (!(error instanceof Declined) || !SETTLED.includes(error.status)) throw error;
    }
    if (this.#unsent.get(registrationId) === isFound) this.#unsent.delete(registrationId);
  }

  #take({ people }: Marks): void {
    const marked = Object.entries(people).filter(([, { state }]) => state !== 'missing');
    this.found = new Set(marked.map(([registrationId]) => registrationId));
  }

  async #keep(): Promise<void> {
    const kept: Kept = {
      session: this.#session,
      found: [...this.found],
      call: this.#call,
      unsent: [...this.#unsent],
    };
    await transact(['copy'], 'readwrite', (transaction) => {
      transaction.objectStore('copy').put(kept, KEY);
    });
  }
}

function withTick(found: ReadonlySet<string>, id: string, isFound: boolean): ReadonlySet<string> {
  const changed = new Set(found);
  if (isFound) changed.add(id);
  else changed.delete(id);
  return changed;
}
