/**
 * Where people stand, as far as this device knows: the server's word, and over it what the device
 * itself let pass since, in order. Pure.
 */

import type { Direction, PreviousScan } from '../contract';
import { dayOf } from '../forum-days';
import { type ForumRules, type Presence, sessionOf } from './admission';

/** A person in a zone, as a line of the replica says it. */
export interface Whereabouts {
  readonly registration_id: string;
  readonly zone: string;
  readonly inside: boolean;
  /** The day whose closing ends this presence; null for somebody who is nowhere any more */
  readonly session: string | null;
  readonly last_entry_day: string | null;
  readonly at: string | null;
  readonly gate: string | null;
  readonly entrance: string | null;
  readonly direction: Direction | null;
}

/** Something that this device did, which changes where a person stands. */
export type Step = Passage | TakenBack;

export interface Passage {
  readonly kind: 'passage';
  readonly registrationId: string;
  readonly zone: string;
  readonly at: string;
  readonly gate: string;
  readonly entrance: string;
  readonly direction: Direction;
}

export interface TakenBack {
  readonly kind: 'taken-back';
  readonly registrationId: string;
  readonly zone: string;
  readonly direction: Direction;
  /** The passage was the person's first entry of its day */
  readonly first: boolean;
}

export function after(
  rules: ForumRules,
  before: Whereabouts | undefined,
  step: Step,
): Whereabouts | undefined {
  return step.kind === 'passage' ? passed(rules, before, step) : takenBack(before, step);
}

/** The person's place once all the steps that are theirs are done. */
export function overlay(
  rules: ForumRules,
  known: Whereabouts | undefined,
  steps: readonly Step[],
  person: { readonly registrationId: string; readonly zone: string },
): Whereabouts | undefined {
  return steps
    .filter((step) => step.registrationId === person.registrationId && step.zone === person.zone)
    .reduce<Whereabouts | undefined>((before, step) => after(rules, before, step), known);
}

/** What the rules ask of a place. */
export function presenceAt(
  rules: ForumRules,
  place: Whereabouts | undefined,
  moment: Date,
): Presence {
  return {
    inside: isInside(place, sessionOf(rules, moment)),
    entered_today: place?.last_entry_day === dayOf(rules.timezone, moment),
  };
}

export function isInside(place: Whereabouts | undefined, session: string): boolean {
  return place !== undefined && place.inside && place.session === session;
}

export function previousScan(place: Whereabouts | undefined): PreviousScan | null {
  if (!place?.at || !place.gate || !place.direction) return null;
  return {
    at: place.at,
    gate: place.gate,
    entrance: place.entrance ?? '',
    direction: place.direction,
  };
}

function passed(rules: ForumRules, before: Whereabouts | undefined, step: Passage): Whereabouts {
  const moment = new Date(step.at);
  const enters = step.direction === 'in';
  const scansOut = rules.zones.find(({ id }) => id === step.zone)?.scan_out ?? false;
  return {
    registration_id: step.registrationId,
    zone: step.zone,
    inside: enters && scansOut,
    session: sessionOf(rules, moment),
    last_entry_day: enters ? dayOf(rules.timezone, moment) : (before?.last_entry_day ?? null),
    at: step.at,
    gate: step.gate,
    entrance: step.entrance,
    direction: step.direction,
  };
}

/** As before the passage, as nearly as its own answer tells; the server's word follows. */
function takenBack(before: Whereabouts | undefined, step: TakenBack): Whereabouts | undefined {
  if (!before) return undefined;
  return {
    ...before,
    inside: step.direction === 'out',
    last_entry_day: step.first ? null : before.last_entry_day,
    at: null,
  };
}
