import type { ScanAnswer, ScanProblem, ScanRequest, SyncedScan } from '../contract';
import { Declined, Unreachable } from '../http';
import type { Outgoing, OutgoingScan, OutgoingShown, OutgoingStore, OutgoingUndo } from './outgoing';

/** The server, as the queue uses it. Each throws Declined or Unreachable. */
export interface Receiver {
  scan(scan: ScanRequest): Promise<ScanAnswer>;
  scans(scans: readonly SyncedScan[]): Promise<readonly (ScanAnswer | ScanProblem)[]>;
  undo(entry: OutgoingUndo): Promise<unknown>;
  shown(entry: OutgoingShown): Promise<unknown>;
}

export interface Outcomes {
  /** The server has these. What their answers lead to may be added before this is done. */
  answered(scans: readonly Answered[]): Promise<void>;
  /** An undo or the like has arrived. */
  delivered(entry: Outgoing): Promise<void>;
  /** The server will never take it. */
  declined(entry: Outgoing, reason: Declined): void;
  /** No answer: everything waits, and goes again by itself. */
  unreachable(): void;
  /** The device's token counts no more. */
  revoked(): void;
  changed(): void;
}

export interface Answered {
  readonly entry: OutgoingScan;
  readonly answer: ScanAnswer;
}

type New<Entry> = Entry extends Outgoing ? Omit<Entry, 'seq'> : never;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const BATCH = 200;
// Somebody may hold up a QR of seven thousand characters, and bodies end at a megabyte.
const BATCH_CHARACTERS = 500_000;
const UNAUTHORIZED = 401;
// What the server says of one scan, undo or correction that it will never take. Whatever else it
// says may be of its own state or a proxy's, and no scan is given up for that.
const FINAL_FOR_SCANS: ReadonlySet<number> = new Set([400, 413, 422]);
const FINAL_FOR_OTHERS: ReadonlySet<number> = new Set([400, 404, 409, 413, 422]);

/**
 * What goes to the server, in the order in which it was made, kept on disk until the server has it.
 * What gets no answer goes again under the same id, which the server counts once, and the others
 * wait behind it.
 */
export class Queue {
  readonly #store: OutgoingStore;
  readonly #server: Receiver;
  readonly #outcomes: Outcomes;
  #entries: Outgoing[] = [];
  #lastSeq = 0;
  #sending = false;
  #stopped = false;
  #attempted = new Set<number>();
  #pause = FIRST_PAUSE_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: OutgoingStore, server: Receiver, outcomes: Outcomes) {
    this.#store = store;
    this.#server = server;
    this.#outcomes = outcomes;
  }

  get entries(): readonly Outgoing[] {
    return this.#entries;
  }

  /** How many scans the server does not have yet. */
  get waiting(): number {
    return this.#entries.filter(({ kind }) => kind === 'scan').length;
  }

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  /** Takes up what an earlier run of the app left. */
  async load(): Promise<void> {
    const kept = await this.#store.load();
    this.#entries = [...kept, ...this.#entries].sort((one, other) => one.seq - other.seq);
    this.#lastSeq = this.#entries.at(-1)?.seq ?? 0;
    this.#outcomes.changed();
  }

  /** Keeps an entry: once this is done it survives whatever happens to the device. */
  async add(entry: New<Outgoing>): Promise<number> {
    const seq = this.#nextSeq();
    const kept = { ...entry, seq } as Outgoing;
    this.#entries.push(kept);
    await this.#store.put(kept);
    this.#outcomes.changed();
    return seq;
  }

  /** Keeps what the officer was told of a scan that the server has not answered. */
  async tell(seq: number, told: ScanAnswer): Promise<void> {
    const place = this.#entries.findIndex((entry) => entry.seq === seq);
    const entry = this.#entries[place];
    if (entry?.kind !== 'scan') return;
    const kept = { ...entry, told };
    this.#entries[place] = kept;
    await this.#store.put(kept);
    // Answered while the disk was busy: it must not come back from there.
    if (!this.#entries.includes(kept)) await this.#store.remove([seq]);
  }

  /** Tries now instead of after the pause: the network is said to be back. */
  resume(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    void this.#work();
  }

  /** Gives up what is left, as when the device is unpaired. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#entries = [];
  }

  /** In order here, whatever the clock does, and apart from those of another window. */
  #nextSeq(): number {
    const chance = Math.floor(Math.random() * 1000);
    this.#lastSeq = Math.max(this.#lastSeq + 1, Date.now() * 1000 + chance);
    return this.#lastSeq;
  }

  async #work(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (!this.#stopped && this.#entries.length > 0) await this.#deliver();
    } catch (error) {
      this.#postpone(error);
    } finally {
      this.#sending = false;
    }
  }

  async #deliver(): Promise<void> {
    const [head] = this.#entries;
    if (!head) return;
    if (head.kind === 'scan') await this.#deliverScans(this.#batch());
    else await this.#deliverOther(head);
  }

  /** The scans at the head, as many as go together. */
  #batch(): OutgoingScan[] {
    const batch: OutgoingScan[] = [];
    let characters = 0;
    for (const entry of this.#entries) {
      if (entry.kind !== 'scan' || batch.length === BATCH) break;
      characters += JSON.stringify(entry.scan).length;
      if (batch.length > 0 && characters > BATCH_CHARACTERS) break;
      batch.push(entry);
    }
    return batch;
  }

  async #deliverScans(batch: readonly OutgoingScan[]): Promise<void> {
    try {
      const answers = await this.#ask(batch);
      if (!this.#stopped) await this.#settleAll(batch, answers);
    } catch (error) {
      if (!isFinal(error, FINAL_FOR_SCANS)) throw error;
      // Something about one of them: it must not hold up the others.
      if (batch.length > 1) for (const entry of batch) await this.#deliverScans([entry]);
      else await this.#decline(batch, error);
    }
  }

  #ask(batch: readonly OutgoingScan[]): Promise<readonly (ScanAnswer | ScanProblem)[]> {
    const [first] = batch;
    const alone = batch.length === 1 && first?.told === null && !this.#attempted.has(first.seq);
    if (!alone) return this.#server.scans(batch.map(synced));
    // The officer is waiting to be told what the server says.
    this.#attempted.add(first.seq);
    return this.#server.scan(first.scan).then((answer) => [answer]);
  }

  async #decline(entries: readonly Outgoing[], reason: Declined): Promise<void> {
    for (const entry of entries) this.#outcomes.declined(entry, reason);
    await this.#leave(entries);
  }

  async #settleAll(
    batch: readonly OutgoingScan[],
    answers: readonly (ScanAnswer | ScanProblem)[],
  ): Promise<void> {
    const byId = new Map(answers.map((answer) => [answer.scan_id, answer]));
    const seqs = new Set(batch.map(({ seq }) => seq));
    // As they are now: what the officer was told may have changed since they were sent.
    const settled = this.#entries.filter(
      (entry) => entry.kind === 'scan' && seqs.has(entry.seq) && byId.has(entry.scan.scan_id),
    ) as OutgoingScan[];
    // Nothing of what was sent came back: not our server's answer.
    if (settled.length === 0) throw new Unreachable();
    const answered: Answered[] = [];
    for (const entry of settled) {
      const answer = byId.get(entry.scan.scan_id) as ScanAnswer | ScanProblem;
      if ('problem' in answer) this.#outcomes.declined(entry, new Declined(answer.problem));
      else answered.push({ entry, answer });
    }
    await this.#outcomes.answered(answered);
    await this.#leave(settled);
  }

  async #deliverOther(entry: OutgoingUndo | OutgoingShown): Promise<void> {
    try {
      await (entry.kind === 'undo' ? this.#server.undo(entry) : this.#server.shown(entry));
    } catch (error) {
      if (!isFinal(error, FINAL_FOR_OTHERS)) throw error;
      return this.#decline([entry], error);
    }
    if (this.#stopped) return;
    await this.#outcomes.delivered(entry);
    await this.#leave([entry]);
  }

  async #leave(done: readonly Outgoing[]): Promise<void> {
    const seqs = new Set(done.map(({ seq }) => seq));
    this.#entries = this.#entries.filter(({ seq }) => !seqs.has(seq));
    this.#pause = FIRST_PAUSE_MS;
    await this.#store.remove([...seqs]);
    for (const seq of seqs) this.#attempted.delete(seq);
    this.#outcomes.changed();
  }

  #postpone(error: unknown): void {
    if (this.#stopped) return;
    const asked = error instanceof Unreachable ? error.retryAfter : null;
    const pause = asked === null ? this.#pause : asked * 1000;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    this.#timer = setTimeout(() => this.resume(), pause);
    if (error instanceof Declined && error.status === UNAUTHORIZED) this.#outcomes.revoked();
    else this.#outcomes.unreachable();
  }
}

function synced({ scan, gate, told }: OutgoingScan): SyncedScan {
  if (!told) return { ...scan, gate: gate.id };
  return { ...scan, gate: gate.id, admitted: told.decision === 'admitted', reason: told.reason };
}

function isFinal(error: unknown, statuses: ReadonlySet<number>): error is Declined {
  return error instanceof Declined && statuses.has(error.status);
}
