import type {
  Direction,
  Forum,
  Gate,
  Participant,
  Presented,
  ScanAnswer,
  ScanRequest,
} from '../contract';
import type { ForumClock } from '../forum-clock';
import { Declined, Unreachable } from '../http';
import { messageOf } from '../text';
import * as api from './api';
import { corrects } from './correction';
import { KeptScans } from './kept-scans';
import { answerLocally } from './local-decision';
import { type Outgoing, type OutgoingScan, outgoingStore } from './outgoing';
import { after, type Passage, type Step, type TakenBack, type Whereabouts } from './presence';
import { type Answered, Queue } from './queue';
import type { Replica } from './replica';
import { uuid7 } from './uuid7';

/** Why a scan was not taken. */
export interface Fault {
  readonly by: 'server' | 'device';
  /** In English, for whoever is asked for help */
  readonly detail: string;
}

/** One scan as the officer sees it, from the read to the answer and perhaps the undo. */
export interface Scan {
  readonly id: string;
  readonly presented: Presented;
  readonly gate: Gate;
  readonly direction: Direction;
  readonly at: Date;
  /** Who it is, as soon as the device knows */
  readonly who: Participant | null;
  readonly answer: ScanAnswer | null;
  readonly fault: Fault | null;
  readonly undone: boolean;
}

/** The officer was told one thing, and the server says another. */
export interface Correction {
  readonly scanId: string;
  readonly told: ScanAnswer;
  readonly answer: ScanAnswer;
}

/** Where scans are made, and who must hear of them. */
export interface Post {
  readonly forum: Forum | null;
  readonly clock: ForumClock;
  readonly gate: Gate | null;
  readonly direction: Direction;
  readonly token: string | null;
  readonly offline: boolean;
  readonly replica: Replica;
  /** A scan has got the answer that the officer sees. */
  told(answer: ScanAnswer, newest: boolean): void;
  /** A scan is undone, or after all it is not. */
  undone(scan: Scan): void;
  corrected(): void;
  reached(): void;
  unreachable(): void;
  revoked(): void;
  changed(): void;
}

/** The device's own answer, which the server may still be quicker than. */
interface Prepared {
  readonly seq: number;
  readonly answer: ScanAnswer;
}

const KEPT_SCANS = 50;
const SERVER_FIRST_MS = 300;
const CONFLICT = 409;

/** The scans of one pairing: judged here, kept, sent, and put right where the server says so. */
export class Scans {
  list: readonly Scan[] = [];
  /** Oldest first: what the officer is reading stays where it is. */
  corrections: readonly Correction[] = [];

  readonly #post: Post;
  readonly #queue: Queue;
  readonly #kept = new KeptScans();
  /** By the scan's id */
  readonly #prepared = new Map<string, Prepared>();
  /** Of the last scan, once its answer is off the screen */
  #putAway: string | null = null;
  /** Judged one after the other: whoever enters twice is seen entering the first time. */
  #judging: Promise<void> = Promise.resolve();

  constructor(post: Post) {
    this.#post = post;
    const token = () => post.token ?? '';
    this.#queue = new Queue(
      outgoingStore,
      {
        scan: (scan) => api.sendScan(token(), scan),
        scans: (scans) => api.sendScans(token(), scans),
        undo: ({ scanId, reason, undoneAt }) => api.undoScan(token(), scanId, reason, undoneAt),
        shown: ({ scanId, decision, reason }) => api.sayShown(token(), scanId, { decision, reason }),
      },
      {
        answered: (answered) => this.#answered(answered),
        delivered: (entry) => this.#delivered(entry),
        declined: (entry, reason) => this.#declined(entry, reason),
        unreachable: () => post.unreachable(),
        revoked: () => post.revoked(),
        changed: () => post.changed(),
      },
    );
  }

  /** Takes up what an earlier run of the app left. */
  async load(): Promise<void> {
    await this.#queue.load();
    const undone = new Set(
      this.#queue.entries.flatMap((entry) => (entry.kind === 'undo' ? entry.scanId : [])),
    );
    const waiting = this.#queue.entries.flatMap((entry) => scanOf(entry, undone) ?? []).reverse();
    const rest = await this.#recallToday(new Set(waiting.map(({ id }) => id)));
    const sent = rest.map((scan) => ({ ...scan, undone: scan.undone || undone.has(scan.id) }));
    this.list = [...waiting, ...sent].slice(0, KEPT_SCANS);
    // Who opens the app anew would take it for an answer to the next badge.
    if (waiting.length === 0) this.#putAway = this.list[0]?.id ?? null;
  }

  /** Today's scans that the server has. */
  async #recallToday(waiting: ReadonlySet<string>): Promise<Scan[]> {
    const { clock, replica } = this.#post;
    const today = clock.day(clock.now());
    const kept = await this.#kept.recall((badgeId) => replica.copy.byId(badgeId));
    return kept.filter(({ id, at }) => !waiting.has(id) && clock.day(at) === today);
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  /** The scan that the screen shows */
  get newest(): Scan | null {
    const last = this.list[0];
    return last && last.id !== this.#putAway ? last : null;
  }

  /** Takes the last answer off the screen; one that is still to come must be seen. */
  putAway(): void {
    const { newest } = this;
    if (newest?.answer || newest?.fault) this.#putAway = newest.id;
  }

  /** What this device did and the server has not acknowledged, oldest first. */
  get steps(): readonly Step[] {
    return this.#queue.entries.flatMap(({ step }) => step ?? []);
  }

  /** Judges what was presented and keeps it; the answer arrives in `list`. */
  take(presented: Presented, overrideReason?: string): void {
    const { gate, direction, clock } = this.#post;
    if (!gate) return;
    const scan: Scan = {
      id: uuid7(),
      presented,
      gate,
      direction,
      at: clock.now(),
      who: null,
      answer: null,
      fault: null,
      undone: false,
    };
    this.list = [scan, ...this.list].slice(0, KEPT_SCANS);
    this.#post.changed();
    this.#judging = this.#judging
      .then(() => this.#judge(scan, overrideReason))
      .catch((error: unknown) => this.#fail(scan.id, error));
  }

  /** Sends what waits, now instead of after a pause. */
  resume(): void {
    this.#queue.resume();
  }

  /** Shows the device's own answers: the server's will not come now. */
  stopAsking(): void {
    for (const scanId of [...this.#prepared.keys()]) void this.#tell(scanId);
  }

  /** Gives up what is left; done when nothing is being written any more. */
  async stop(): Promise<void> {
    this.#queue.stop();
    this.#prepared.clear();
    await this.#judging;
    await this.#kept.stop();
  }

  note(correction: Correction): void {
    this.corrections = this.corrections.filter((one) => one !== correction);
    this.#post.changed();
  }

  async #judge(scan: Scan, overrideReason: string | undefined): Promise<void> {
    const { forum, replica } = this.#post;
    if (!forum) return;
    const override = overrideReason !== undefined;
    const question = { ...scan, scanId: scan.id, override };
    const own = await answerLocally(forum, replica.copy, this.steps, question);
    this.#update(scan.id, { who: own?.participant ?? null });
    // With nothing before it in the queue, the server can be quick enough to be told instead.
    const asks = !this.#post.offline && this.#queue.empty;
    const seq = await this.#queue.add({
      kind: 'scan',
      scan: requestOf(scan, overrideReason),
      gate: scan.gate,
      told: asks ? null : own,
      step: own && passageOf(scan, own),
    });
    if (own && asks) this.#prepare(scan.id, { seq, answer: own });
    else if (own) this.#show(scan.id, own);
    // Without a network the queue tries by itself now and then, and whoever finds it again says so.
    if (!this.#post.offline) this.#queue.resume();
  }

  /** Without a disk to keep it on, or a rule to judge it by: the officer must know. */
  #fail(scanId: string, error: unknown): void {
    this.#update(scanId, { fault: { by: 'device', detail: messageOf(error) } });
  }

  #prepare(scanId: string, prepared: Prepared): void {
    this.#prepared.set(scanId, prepared);
    setTimeout(() => void this.#tell(scanId), SERVER_FIRST_MS);
  }

  /** Shows the device's own answer, unless the server's is there. */
  async #tell(scanId: string): Promise<void> {
    const prepared = this.#prepared.get(scanId);
    if (!prepared) return;
    this.#prepared.delete(scanId);
    try {
      await this.#queue.tell(prepared.seq, prepared.answer);
    } finally {
      // The scan itself is on disk since it was made.
      if (this.#find(scanId)?.answer === null) this.#show(scanId, prepared.answer);
    }
  }

  #show(scanId: string, answer: ScanAnswer): void {
    this.#update(scanId, { answer });
    this.#post.told(answer, this.newest?.id === scanId);
  }

  // ---- What the server makes of it ----

  async #answered(answered: readonly Answered[]): Promise<void> {
    const steps: Step[] = [];
    for (const { entry, answer } of answered) {
      await this.#settle(entry, answer);
      const step = passageOf(madeAs(entry), answer);
      if (step) steps.push(step);
    }
    await this.#note(steps);
    this.#post.reached();
  }

  async #settle({ scan, told: toldBefore }: OutgoingScan, answer: ScanAnswer): Promise<void> {
    const { scan_id: scanId } = scan;
    this.#prepared.delete(scanId);
    const shown = this.#find(scanId);
    const told = shown ? shown.answer : toldBefore;
    if (told === null) return this.#show(scanId, answer);
    this.#update(scanId, { answer });
    if (!corrects(answer, told)) return;
    this.corrections = [...this.corrections, { scanId, told, answer }];
    this.#post.corrected();
    // A conflict is no news to the server: it was told what the officer did.
    if (answer.conflict) return;
    const { decision, reason } = told;
    await this.#queue.add({ kind: 'shown', scanId, decision, reason, step: null });
  }

  #declined(entry: Outgoing, reason: Declined): void {
    if (entry.kind === 'scan') {
      this.#prepared.delete(entry.scan.scan_id);
      this.#update(entry.scan.scan_id, { fault: { by: 'server', detail: reason.message } });
    } else if (entry.kind === 'undo') {
      this.#setUndone(entry.scanId, isUndoneAlready(reason, this.#find(entry.scanId)));
    }
  }

  async #delivered({ step }: Outgoing): Promise<void> {
    if (step) await this.#note([step]);
    this.#post.reached();
  }

  /** Keeps in the copy what the server has acknowledged, until the copy says so by itself. */
  async #note(steps: readonly Step[]): Promise<void> {
    const { forum, replica } = this.#post;
    if (!forum) return;
    const places = new Map<string, Whereabouts>();
    for (const step of steps) {
      const key = `${step.registrationId} ${step.zone}`;
      const before = places.get(key) ?? replica.copy.place(step.registrationId, step.zone);
      const place = after(forum, before, step);
      if (place) places.set(key, place);
    }
    await replica.note([...places.values()]);
  }

  // ---- Taking one back ----

  /** @throws Declined, and the scan stands */
  async undo(scan: Scan, reason: string): Promise<void> {
    const step = takingBack(scan);
    const undoneAt = this.#post.clock.now().toISOString();
    if (!this.#queue.empty || !(await this.#undoNow(scan, reason, undoneAt, step))) {
      await this.#queue.add({ kind: 'undo', scanId: scan.id, reason, undoneAt, step });
      this.#queue.resume();
    }
    this.#setUndone(scan.id, true);
  }

  #setUndone(scanId: string, undone: boolean): void {
    const scan = this.#find(scanId);
    if (!scan || scan.undone === undone) return;
    this.#update(scanId, { undone });
    this.#post.undone({ ...scan, undone });
  }

  /** Whether the server has it; else it waits its turn. */
  async #undoNow(
    scan: Scan,
    reason: string,
    undoneAt: string,
    step: TakenBack | null,
  ): Promise<boolean> {
    try {
      await api.undoScan(this.#post.token ?? '', scan.id, reason, undoneAt);
    } catch (error) {
      if (error instanceof Unreachable) return false;
      // Where the person stands since, the copy is told by the server.
      if (error instanceof Declined && isUndoneAlready(error, this.#find(scan.id))) return true;
      throw error;
    }
    if (step) await this.#note([step]);
    return true;
  }

  #find(id: string): Scan | undefined {
    return this.list.find((scan) => scan.id === id);
  }

  #update(id: string, change: Partial<Scan>): void {
    this.list = this.list.map((kept) => (kept.id === id ? { ...kept, ...change } : kept));
    // Where no names are, because they never came or the forum is over, nothing is kept of anybody.
    if (this.#post.replica.copy.complete) this.#kept.keep(this.list);
    this.#post.changed();
  }
}

function requestOf(scan: Scan, overrideReason: string | undefined): ScanRequest {
  return {
    ...scan.presented,
    scan_id: scan.id,
    direction: scan.direction,
    scanned_at: scan.at.toISOString(),
    ...(overrideReason === undefined ? {} : { override: { reason: overrideReason } }),
  };
}

type Made = Pick<Scan, 'id' | 'gate' | 'direction' | 'at'>;

function madeAs({ scan, gate }: OutgoingScan): Made {
  return { id: scan.scan_id, gate, direction: scan.direction, at: new Date(scan.scanned_at) };
}

/** A kept scan as the officer saw it. */
function scanOf(entry: Outgoing, undone: ReadonlySet<string>): Scan | null {
  if (entry.kind !== 'scan') return null;
  const { scan, told } = entry;
  const presented = 'number' in scan ? { number: scan.number } : { credential: scan.credential };
  const who = told?.participant ?? null;
  const made = madeAs(entry);
  return { ...made, presented, who, answer: told, fault: null, undone: undone.has(made.id) };
}

/**
 * The server refuses to undo what let nobody pass, and what is undone: by the lead, or by this very
 * device whose answer was lost.
 */
function isUndoneAlready({ status }: Declined, scan: Scan | undefined): boolean {
  return status === CONFLICT && scan?.answer?.decision === 'admitted';
}

function passageOf({ gate, direction, at }: Made, answer: ScanAnswer): Passage | null {
  const { decision, participant } = answer;
  if (decision !== 'admitted' || !participant) return null;
  return {
    kind: 'passage',
    registrationId: participant.registration_id,
    zone: gate.zone,
    at: at.toISOString(),
    gate: gate.id,
    entrance: gate.entrance,
    direction,
  };
}

function takingBack({ answer, gate, direction }: Scan): TakenBack | null {
  if (!answer?.participant) return null;
  return {
    kind: 'taken-back',
    registrationId: answer.participant.registration_id,
    zone: gate.zone,
    direction,
    first: answer.reason === 'first_entry',
  };
}
