/**
 * The rules at the gate: pure, no I/O, as services/checkin/admission.py has them. A change goes into
 * tests/vectors/admission.json first, which both read.
 */

import type { Decision, Direction, Reason } from '../contract';
// With its ending: Node runs this file as it is, in tests/unit/test_admission_both.py.
import { closingTime, dayOf, nextDay } from '../forum-days.ts';

/** What the rules need to know of a zone. */
export interface ZoneRules {
  readonly id: string;
  /** The zone's place in a badge's zones. */
  readonly bit: number;
  /** Whether people are scanned when they leave. */
  readonly scan_out: boolean;
  /** Whether a badge that is inside is refused a second entry. */
  readonly anti_passback: boolean;
  readonly capacity: number | null;
}

/** What the rules need to know of the forum. */
export interface ForumRules {
  readonly timezone: string;
  /** When the venue closes, every day, in that zone: 20:00:00. */
  readonly closes: string;
  readonly days: readonly string[];
  readonly zones: readonly ZoneRules[];
}

export type BadgeStatus = 'valid' | 'revoked' | 'superseded' | 'cancelled';

/** What is known of the badge that was shown. */
export interface Badge {
  readonly status: BadgeStatus;
  /** Bitmap, bit 0 = first day. */
  readonly days: number;
  /** Bitmap of the zones' bits. */
  readonly zones: number;
  /** Security hold on the person. */
  readonly blocked: boolean;
}

/** Where the person stands in the gate's zone, when the scan is made. */
export interface Presence {
  readonly inside: boolean;
  readonly entered_today: boolean;
}

/** One scan of a badge whose signature is good. */
export interface Scan {
  /** The gate's. */
  readonly zone: string;
  readonly direction: Direction;
  /** The forum's day of the scan. */
  readonly today: string;
  readonly badge: Badge;
  readonly presence: Presence;
  /** How many are inside the zone. */
  readonly occupancy: number;
  /** The officer lets the person in and says why. */
  readonly override: boolean;
}

export interface Verdict {
  readonly decision: Decision;
  readonly reason: Reason;
  /** What the officer's override passed over. */
  readonly overridden: Reason | null;
}

/** An officer may know better about days and doors, never about a stopped or forged badge. */
export const CAN_BE_OVERRIDDEN: ReadonlySet<Reason> = new Set<Reason>([
  'not_valid_today',
  'zone_not_allowed',
  'already_inside',
  'zone_full',
]);

export function decide(forum: ForumRules, scan: Scan): Verdict {
  // Nobody is kept inside by a rule.
  if (scan.direction === 'out') return verdict('admitted', 'departed');
  const refusal = firstRefusal(forum, scan);
  if (refusal === null) {
    return verdict('admitted', scan.presence.entered_today ? 'reentry' : 'first_entry');
  }
  if (scan.override && CAN_BE_OVERRIDDEN.has(refusal)) {
    return verdict('admitted', 'override', refusal);
  }
  return verdict('refused', refusal);
}

/**
 * The day whose closing ends a presence that began at this moment. Whoever comes after closing time
 * (a night shift) is inside until the next day's closing.
 */
export function sessionOf(forum: ForumRules, moment: Date): string {
  const day = dayOf(forum.timezone, moment);
  return moment < closingTime(forum.timezone, day, forum.closes) ? day : nextDay(day);
}

function firstRefusal(forum: ForumRules, scan: Scan): Reason | null {
  const { badge, presence, occupancy } = scan;
  const zone = zoneOf(forum, scan.zone);
  const day = forum.days.indexOf(scan.today);
  if (badge.status !== 'valid') return badge.status;
  if (badge.blocked) return 'blocked';
  if (day < 0 || !hasBit(badge.days, day)) return 'not_valid_today';
  if (!hasBit(badge.zones, zone.bit)) return 'zone_not_allowed';
  if (presence.inside && zone.scan_out && zone.anti_passback) return 'already_inside';
  if (zone.capacity !== null && occupancy >= zone.capacity && !presence.inside) return 'zone_full';
  return null;
}

function zoneOf(forum: ForumRules, id: string): ZoneRules {
  const zone = forum.zones.find((one) => one.id === id);
  if (!zone) throw new RangeError(`the forum has no zone ${id}`);
  return zone;
}

function hasBit(bitmap: number, bit: number): boolean {
  return ((bitmap >> bit) & 1) === 1;
}

function verdict(decision: Decision, reason: Reason, overridden: Reason | null = null): Verdict {
  return { decision, reason, overridden };
}
