import type { DeviceState, Direction, Forum, Found, Gate, Presented } from '../contract';
import { ForumClock } from '../forum-clock';
import { nextDay } from '../forum-days';
import { Declined, Unreachable } from '../http';
import { sessionOf } from './admission';
import * as api from './api';
import { Contact, type Party } from './contact';
import { warmUp } from './credential';
import { wipePeople } from './database';
import * as device from './device';
import { type Inside, whoIsInside } from './inside';
import { occupancy, placeOf } from './local-decision';
import * as people from './people';
import { Photos } from './photos';
import { isInside } from './presence';
import { Replica } from './replica';
import { type Correction, type Post, type Scan, Scans } from './scans';
import { linkOf, type Link } from './status';
import type { RollCall } from './ticks';

export interface Finding {
  readonly items: readonly Found[];
  /** What the device's own copy is of, in forum time; null for the server's word */
  readonly copiedAt: Date | null;
}

/** Who is inside by the device's own copy. */
export interface Muster {
  readonly people: readonly Inside[];
  /** The day whose closing ends their presence */
  readonly session: string;
  /** What the copy is of, in forum time, and how long ago that was */
  readonly copiedAt: Date | null;
  readonly minutes: number;
}

export type Stage = 'starting' | 'pairing' | 'paired';
export type PairFault = 404 | 410 | 422 | 429 | 'unreadable' | 'unreachable';

/**
 * The gate without its screen: which device this is, which forum, who may come, what was scanned
 * and answered, and whether the server can be reached. Says `change` whenever any of that changes,
 * `answer` when the newest scan has got its answer, `correction` when the server says otherwise
 * than the officer was told, and `revoked` when the control room has unpaired the device.
 */
export class Session extends EventTarget {
  stage: Stage = 'starting';
  forum: Forum | null = null;
  clock = new ForumClock(0, 'Europe/Zurich');
  offlineSince: Date | null = null;

  #device: device.Device | null = null;
  #replica = this.#newReplica();
  #photos = this.#newPhotos();
  #scans = new Scans(this.#post());
  #contact = new Contact(this.#party());
  /** Whether the server was reached since the app was opened */
  #met = false;

  /** Finds what is kept of device, people and scans; then keeps in contact with the server. */
  async start(): Promise<void> {
    this.#device = await device.paired.recall();
    await this.#recallForum();
    if (this.#device) {
      await this.#replica.load();
      // With their names, which are in the copy.
      await this.#scans.load();
    }
    void warmUp(this.#replica.copy.head.keys);
    await this.#wipeAfterForum();
    this.#enter(this.#device ? 'paired' : 'pairing');
    this.#contact.start();
    await this.touch();
  }

  stop(): void {
    this.#contact.stop();
    void this.#scans.stop();
  }

  /** @throws Declined or Unreachable, and the device stays as it was */
  async pair(code: string): Promise<void> {
    const { device_id, token, gate } = await api.pair(code);
    await this.#forgetPeople();
    await this.#remember({ deviceId: device_id, token, gate, direction: null });
    await this.#rememberForum();
    this.#enter('paired');
    // Else a browser that needs room may throw away the scans that wait.
    void navigator.storage?.persist?.();
    await this.touch();
  }

  /** Scans that still wait are lost: whoever unpairs was told how many. */
  async unpair(): Promise<void> {
    this.#device = null;
    this.#enter('pairing');
    await device.wipe();
    await this.#forgetPeople();
  }

  /** Talks to the server now: the network is said to be back, or somebody looks at the screen. */
  touch(): Promise<void> {
    return this.#contact.touch();
  }

  get gate(): Gate | null {
    return this.forum?.gates.find(({ id }) => id === this.#device?.gate) ?? null;
  }

  get direction(): Direction {
    return this.#device?.direction ?? this.gate?.direction ?? 'in';
  }

  get tally(): device.Tally {
    const tally = device.tally.recall();
    const day = this.clock.day(this.clock.now());
    return tally.day === day ? tally : { ...device.NO_TALLY, day };
  }

  get link(): Link {
    const { offlineSince, copiedAt } = this;
    return linkOf({ now: this.clock.now(), offlineSince, copiedAt });
  }

  /** How many badges the device knows. */
  get people(): number {
    return this.#replica.copy.size;
  }

  /** When the device's copy of the people was last brought up to date, in forum time. */
  get copiedAt(): Date | null {
    const { contactAt } = this.#replica.copy.head;
    return contactAt === null ? null : this.clock.now(contactAt);
  }

  /** How many are inside this gate's zone by the device's own copy; null without one. */
  get inside(): number | null {
    const { forum, gate } = this;
    const { copy } = this.#replica;
    if (!forum || !gate || !copy.complete) return null;
    const session = sessionOf(forum, this.clock.now());
    return occupancy(forum, copy, this.#scans.steps, gate.zone, session);
  }

  /** Who is inside by the device's own copy; null without one. */
  muster(): Muster | null {
    const { forum, copiedAt } = this;
    const { copy } = this.#replica;
    if (!forum || !copy.complete) return null;
    const now = this.clock.now();
    const session = sessionOf(forum, now);
    const age = copiedAt ? now.getTime() - copiedAt.getTime() : 0;
    return {
      people: whoIsInside(forum, copy, this.#scans.steps, session),
      session,
      copiedAt,
      minutes: Math.max(0, Math.floor(age / 60_000)),
    };
  }

  readonly rollCall: RollCall = {
    marks: async () => api.readMarks(this.#reachingToken()),
    mark: async (registrationId, isFound) =>
      api.mark(this.#reachingToken(), registrationId, isFound),
  };

  /** @throws Unreachable while the server is known to be */
  #reachingToken(): string {
    if (!this.#device || this.offlineSince !== null) throw new Unreachable();
    return this.#device.token;
  }

  turn(direction: Direction): void {
    if (!this.#device) return;
    void this.#remember({ ...this.#device, direction });
    // An answer from before would be read as one to the new direction.
    this.#scans.putAway();
    this.#changed();
  }

  get photos(): Photos {
    return this.#photos;
  }

  // ---- Scans ----

  get scans(): readonly Scan[] {
    return this.#scans.list;
  }

  get newest(): Scan | null {
    return this.#scans.newest;
  }

  get waiting(): number {
    return this.#scans.waiting;
  }

  get corrections(): readonly Correction[] {
    return this.#scans.corrections;
  }

  scan(presented: Presented, overrideReason?: string): void {
    this.#scans.take(presented, overrideReason);
  }

  /** @throws Declined, and the scan stands */
  undo(scan: Scan, reason: string): Promise<void> {
    return this.#scans.undo(scan, reason);
  }

  note(correction: Correction): void {
    this.#scans.note(correction);
  }

  // ---- Looking somebody up ----

  /** People by name or number: the server's word, or the device's own copy without it. */
  async find(query: string): Promise<Finding> {
    if (!people.isTelling(query)) return { items: [], copiedAt: null };
    if (this.#device && this.offlineSince === null) {
      try {
        return { items: await api.findParticipants(this.#device.token, query), copiedAt: null };
      } catch (error) {
        this.#contact.fail(error);
      }
    }
    return { items: this.#findInCopy(query), copiedAt: this.copiedAt };
  }

  #findInCopy(query: string): Found[] {
    const { forum, gate } = this;
    if (!forum || !gate) return [];
    const { copy } = this.#replica;
    const { steps } = this.#scans;
    const session = sessionOf(forum, this.clock.now());
    return people.find(copy, query, (registrationId) => {
      const place = placeOf(forum, copy, steps, registrationId, gate.zone);
      return isInside(place, session) ? place : undefined;
    });
  }

  // ---- The server ----

  async #reached(forum: Forum, asked: number, state: DeviceState | null): Promise<void> {
    this.forum = forum;
    this.clock = ForumClock.set(forum.now, forum.timezone, asked, Date.now());
    this.offlineSince = null;
    this.#met = true;
    // The lead may have moved the device meanwhile; its direction is then the new gate's.
    if (state && this.#device && state.gate !== this.#device.gate) {
      await this.#remember({ ...this.#device, gate: state.gate, direction: null });
    }
    await this.#rememberForum();
    this.#changed();
    await this.#wipeAfterForum();
    this.#scans.resume();
    void this.#updateCopy();
  }

  #unreachable(): void {
    // After a start without a network, what is known is as old as the last contact.
    const since = this.#met ? null : this.copiedAt;
    this.offlineSince ??= since ?? this.clock.now();
    this.#scans.stopAsking();
    void this.#wipeAfterForum();
    this.#changed();
  }

  async #revoked(): Promise<void> {
    if (!this.#device) return;
    await this.unpair();
    this.dispatchEvent(new Event('revoked'));
  }

  async #updateCopy(): Promise<void> {
    if (!this.#device || this.#isOver) return;
    try {
      await this.#replica.update(this.#device.token);
      this.#photos.tend();
    } catch (error) {
      // The gate is not offline for that: its copy gets older, and the status line says so.
      if (!(error instanceof Unreachable)) this.#contact.fail(error);
    }
    this.#changed();
  }

  #party(): Party {
    const session = this;
    return {
      get token() {
        return session.#device?.token ?? null;
      },
      get lost() {
        return session.offlineSince !== null;
      },
      get pending() {
        return session.waiting;
      },
      get copiedAt() {
        return session.copiedAt;
      },
      reached: (forum, asked, state) => this.#reached(forum, asked, state),
      unreachable: () => this.#unreachable(),
      revoked: () => void this.#revoked(),
      news: () => void this.#updateCopy(),
    };
  }

  #post(): Post {
    const session = this;
    return {
      get forum() {
        return session.forum;
      },
      get clock() {
        return session.clock;
      },
      get gate() {
        return session.gate;
      },
      get direction() {
        return session.direction;
      },
      get token() {
        return session.#device?.token ?? null;
      },
      get offline() {
        return session.offlineSince !== null;
      },
      get replica() {
        return session.#replica;
      },
      told: (answer, newest) => {
        device.tally.keep(device.counted(this.tally, answer));
        if (newest) this.dispatchEvent(new Event('answer'));
      },
      undone: (scan) => device.tally.keep(this.#recounted(scan)),
      corrected: () => this.dispatchEvent(new Event('correction')),
      reached: () => {
        if (this.offlineSince !== null) void this.touch();
      },
      unreachable: () => this.#unreachable(),
      revoked: () => void this.#revoked(),
      changed: () => this.#changed(),
    };
  }

  #recounted({ answer, at, undone }: Scan): device.Tally {
    const { tally } = this;
    if (!answer || this.clock.day(at) !== tally.day) return tally;
    return undone ? device.uncounted(tally, answer) : device.counted(tally, answer);
  }

  // ---- What is kept ----

  async #recallForum(): Promise<void> {
    const kept = await device.forum.recall();
    if (!kept) return;
    this.forum = kept.forum;
    this.clock = new ForumClock(kept.offset, kept.forum.timezone);
  }

  /** From the second day after the last: nobody needs the names at a gate any more. */
  get #isOver(): boolean {
    const last = this.forum?.days.at(-1);
    return last !== undefined && this.clock.day(this.clock.now()) > nextDay(last);
  }

  async #wipeAfterForum(): Promise<void> {
    if (this.#isOver && this.#replica.copy.complete) await this.#forgetPeople();
  }

  /** Names and scans of one pairing never outlive it, nor leave under the token of another. */
  async #forgetPeople(): Promise<void> {
    this.#contact.hangUp();
    await this.#scans.stop();
    this.#replica.stop();
    this.#photos.stop();
    this.#replica = this.#newReplica();
    this.#photos = this.#newPhotos();
    this.#scans = new Scans(this.#post());
    await wipePeople();
    this.#changed();
  }

  #newReplica(): Replica {
    return new Replica(() => this.#changed());
  }

  #newPhotos(): Photos {
    const session = this;
    return new Photos({
      get copy() {
        return session.#replica.copy;
      },
      get token() {
        return session.offlineSince === null ? (session.#device?.token ?? null) : null;
      },
      get busy() {
        return session.waiting > 0;
      },
      get keeping() {
        return session.#replica.copy.complete && !session.#isOver;
      },
    });
  }

  async #remember(kept: device.Device): Promise<void> {
    this.#device = kept;
    await device.paired.keep(kept);
  }

  /** An unpaired device leaves nothing behind. */
  async #rememberForum(): Promise<void> {
    const { forum, clock } = this;
    if (this.#device && forum) await device.forum.keep({ forum, offset: clock.offset });
  }

  #enter(stage: Stage): void {
    this.stage = stage;
    this.#changed();
  }

  #changed(): void {
    this.#contact.soon();
    this.dispatchEvent(new Event('change'));
  }
}

/** Which of the sentences about a failed pairing applies. */
export function pairFault(error: unknown): PairFault {
  if (!(error instanceof Declined)) return 'unreachable';
  const { status } = error;
  return status === 404 || status === 410 || status === 429 ? status : 422;
}
