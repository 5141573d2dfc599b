/** The device's own answer to a scan, of the same shape as the server's. */

import type { Direction, Gate, Presented, Reason, ScanAnswer } from '../contract';
import { dayOf } from '../forum-days';
import { type Badge, decide, type ForumRules, type Presence, sessionOf } from './admission';
import * as badgeNumber from './badge-number';
import type { Copy, CopiedBadge } from './copy';
import { type Credential, read } from './credential';
import { after, isInside, overlay, presenceAt, previousScan, type Step, type Whereabouts } from './presence';

export interface Question {
  readonly scanId: string;
  readonly presented: Presented;
  readonly gate: Gate;
  readonly direction: Direction;
  readonly at: Date;
  /** The officer lets the person in and says why */
  readonly override: boolean;
}

/**
 * @param steps what this device did and the server has not acknowledged, oldest first
 * @returns null where the device can't tell, because it has never had a copy of anything
 */
export async function answerLocally(
  rules: ForumRules,
  copy: Copy,
  steps: readonly Step[],
  question: Question,
): Promise<ScanAnswer | null> {
  if (!copy.complete && copy.head.keys.length === 0) return null;
  const shown = await identify(copy, question.presented);
  if (shown === null) return null;
  if (typeof shown === 'string') return refusal(question, shown);
  return judge(rules, copy, steps, question, shown);
}

interface Shown {
  readonly badge: Badge;
  /** Null when the badge alone speaks: no copy was ever complete */
  readonly known: CopiedBadge | null;
}

async function identify(copy: Copy, presented: Presented): Promise<Shown | Reason | null> {
  if ('number' in presented) {
    if (badgeNumber.fault(presented.number) !== null) return 'malformed';
    if (!copy.complete) return null;
    return known(copy.byNumber(presented.number));
  }
  const credential = await read(presented.credential, copy.head.keys);
  if (typeof credential === 'string') return credential;
  return copy.complete ? known(copy.byId(credential.badgeId)) : bySignatureAlone(credential);
}

function known(badge: CopiedBadge | undefined): Shown | Reason {
  return badge ? { badge, known: badge } : 'unknown_badge';
}

function bySignatureAlone({ days, zones }: Credential): Shown {
  return { badge: { status: 'valid', days, zones, blocked: false }, known: null };
}

function judge(
  rules: ForumRules,
  copy: Copy,
  steps: readonly Step[],
  question: Question,
  { badge, known }: Shown,
): ScanAnswer {
  const { gate, direction, at, override } = question;
  const place = known && placeOf(rules, copy, steps, known.registration_id, gate.zone);
  const presence: Presence = presenceAt(rules, place ?? undefined, at);
  const { decision, reason } = decide(rules, {
    zone: gate.zone,
    direction,
    today: dayOf(rules.timezone, at),
    badge,
    presence,
    occupancy: occupancy(rules, copy, steps, gate.zone, sessionOf(rules, at)),
    override,
  });
  return {
    scan_id: question.scanId,
    decision,
    reason,
    participant: known,
    previous: previousScan(place ?? undefined),
    decided_at: at.toISOString(),
  };
}

/** Where the device believes a person to be. */
export function placeOf(
  rules: ForumRules,
  copy: Copy,
  steps: readonly Step[],
  registrationId: string,
  zone: string,
): Whereabouts | undefined {
  return overlay(rules, copy.place(registrationId, zone), steps, { registrationId, zone });
}

/** How many are inside: those that the server counted, and what this device changed since. */
export function occupancy(
  rules: ForumRules,
  copy: Copy,
  steps: readonly Step[],
  zone: string,
  session: string,
): number {
  const moved = new Map<string, Whereabouts | undefined>();
  for (const step of steps) {
    if (step.zone !== zone) continue;
    const person = step.registrationId;
    const before = moved.has(person) ? moved.get(person) : copy.place(person, zone);
    moved.set(person, after(rules, before, step));
  }
  let count = copy.inside(zone, session);
  for (const [person, place] of moved) {
    count -= Number(isInside(copy.place(person, zone), session));
    count += Number(isInside(place, session));
  }
  return count;
}

function refusal({ scanId, at }: Question, reason: Reason): ScanAnswer {
  return {
    scan_id: scanId,
    decision: 'refused',
    reason,
    participant: null,
    previous: null,
    decided_at: at.toISOString(),
  };
}
