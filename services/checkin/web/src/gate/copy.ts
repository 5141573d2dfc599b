/** The people that this device knows: badges, whereabouts and keys, in memory. Pure. */

import type { Participant } from '../contract';
import type { BadgeStatus } from './admission';
import * as badgeNumber from './badge-number';
import type { Key } from './credential';
import type { Whereabouts } from './presence';

export interface CopiedBadge extends Participant {
  readonly status: BadgeStatus;
  readonly days: number;
  readonly zones: number;
  readonly blocked: boolean;
}

/** Some of the people and places. */
export interface Block {
  readonly badges: readonly CopiedBadge[];
  readonly presence: readonly Whereabouts[];
}

/** One answer of the server, read to its end: everything, or what changed since a cursor. */
export interface Changes extends Block {
  readonly full: boolean;
  readonly keys: readonly Key[];
  readonly cursor: string;
}

/** What is kept of the copy as a whole. */
export interface Head {
  readonly keys: readonly Key[];
  /** Null until a first copy is complete */
  readonly cursor: string | null;
  /** The last contact, by the device's own clock */
  readonly contactAt: number | null;
}

/** In memory a look-up takes a microsecond; the browser's database takes a thousand times that. */
export class Copy {
  head: Head = { keys: [], cursor: null, contactAt: null };

  readonly #badges = new Map<string, CopiedBadge>();
  readonly #ids = new Map<string, string>();
  readonly #presence = new Map<string, Whereabouts>();
  /** How many are inside, by zone and session */
  readonly #inside = new Map<string, number>();

  /** Whether the device knows who may come. */
  get complete(): boolean {
    return this.head.cursor !== null;
  }

  get size(): number {
    return this.#badges.size;
  }

  byId(badgeId: string): CopiedBadge | undefined {
    return this.#badges.get(badgeId);
  }

  byNumber(number: string): CopiedBadge | undefined {
    return this.#badges.get(this.#ids.get(badgeNumber.normalize(number)) ?? '');
  }

  all(): Iterable<CopiedBadge> {
    return this.#badges.values();
  }

  place(registrationId: string, zone: string): Whereabouts | undefined {
    return this.#presence.get(`${registrationId} ${zone}`);
  }

  places(): Iterable<Whereabouts> {
    return this.#presence.values();
  }

  inside(zone: string, session: string): number {
    return this.#inside.get(`${zone} ${session}`) ?? 0;
  }

  /** In one go, so that no scan is judged by half of a change. */
  apply(changes: Changes, contactAt: number): void {
    if (changes.full) this.#forget();
    this.#take(changes);
    this.head = { keys: changes.keys, cursor: changes.cursor, contactAt };
  }

  /** What was kept: a later block has the last word. */
  recall(head: Head, blocks: readonly Block[]): void {
    for (const block of blocks) this.#take(block);
    this.head = head;
  }

  put(place: Whereabouts): void {
    const key = `${place.registration_id} ${place.zone}`;
    this.#count(this.#presence.get(key), -1);
    this.#presence.set(key, place);
    this.#count(place, 1);
  }

  #take({ badges, presence }: Block): void {
    for (const badge of badges) this.#know(badge);
    for (const place of presence) this.put(place);
  }

  #forget(): void {
    this.#badges.clear();
    this.#ids.clear();
    this.#presence.clear();
    this.#inside.clear();
  }

  #know(badge: CopiedBadge): void {
    this.#badges.set(badge.badge_id, badge);
    if (badge.number) this.#ids.set(badgeNumber.normalize(badge.number), badge.badge_id);
  }

  #count(place: Whereabouts | undefined, change: number): void {
    if (!place?.inside) return;
    const key = `${place.zone} ${place.session}`;
    this.#inside.set(key, (this.#inside.get(key) ?? 0) + change);
  }
}
