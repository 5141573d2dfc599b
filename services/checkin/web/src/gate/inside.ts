/**
 * Who must be got out of the house, by the device's own copy: as services/checkin/evacuation.py has
 * it. Pure.
 */

import type { ForumRules } from './admission';
import type { Copy, CopiedBadge } from './copy';
import { isInside, overlay, type Step, type Whereabouts } from './presence';

/** Somebody who is inside. */
export interface Inside {
  readonly registrationId: string;
  /** Null where the copy does not know who it is */
  readonly badge: CopiedBadge | null;
  /** Where they were seen last */
  readonly zone: string;
  readonly gate: string | null;
  readonly at: string | null;
  /** Where they came into the venue, and when; null if they were seen in a room only */
  readonly entrance: string | null;
  readonly since: string | null;
}

/**
 * Everybody whose last passage leaves them inside, and who was seen since at a room whose leaving
 * nobody scans: one too many is looked for rather than one too few.
 *
 * @param steps what this device did and the server has not acknowledged, oldest first
 * @returns by name
 */
export function whoIsInside(
  rules: ForumRules,
  copy: Copy,
  steps: readonly Step[],
  session: string,
): Inside[] {
  const badges = badgesByPerson(copy);
  return [...seenIn(rules, copy, steps, session)]
    .filter(([, places]) => isStillInside(rules, places))
    .map(([registrationId, places]) => described(rules, registrationId, places, badges))
    .sort(byName);
}

/** Where each person was seen in this session: a place a zone. */
function seenIn(
  rules: ForumRules,
  copy: Copy,
  steps: readonly Step[],
  session: string,
): Map<string, Whereabouts[]> {
  const moved = new Map(
    steps.map(({ registrationId, zone }) => [`${registrationId} ${zone}`, { registrationId, zone }]),
  );
  const seen = new Map<string, Whereabouts[]>();
  const note = (place: Whereabouts | undefined): void => {
    if (place?.session !== session) return;
    const places = seen.get(place.registration_id) ?? [];
    seen.set(place.registration_id, [...places, place]);
  };
  for (const place of copy.places()) {
    if (!moved.has(`${place.registration_id} ${place.zone}`)) note(place);
  }
  for (const person of moved.values()) {
    note(overlay(rules, copy.place(person.registrationId, person.zone), steps, person));
  }
  return seen;
}

function isStillInside(rules: ForumRules, places: readonly Whereabouts[]): boolean {
  if (places.some((place) => isInside(place, place.session ?? ''))) return true;
  const bothWays = new Set(rules.zones.filter(({ scan_out }) => scan_out).map(({ id }) => id));
  const latest = (some: readonly Whereabouts[]): number =>
    Math.max(-Infinity, ...some.map(momentOf));
  const rooms = places.filter(({ zone, direction }) => !bothWays.has(zone) && direction === 'in');
  return latest(rooms) > latest(places.filter(({ zone }) => bothWays.has(zone)));
}

function described(
  rules: ForumRules,
  registrationId: string,
  places: readonly Whereabouts[],
  badges: ReadonlyMap<string, CopiedBadge>,
): Inside {
  const venue = places.find(({ zone, inside }) => zone === rules.zones[0]?.id && inside);
  // Not at a gate by which they left.
  const [last] = [...places].sort(
    (one, other) =>
      Number(other.direction === 'in') - Number(one.direction === 'in') ||
      momentOf(other) - momentOf(one),
  );
  return {
    registrationId,
    badge: badges.get(registrationId) ?? null,
    zone: last?.zone ?? '',
    gate: last?.gate ?? null,
    at: last?.at ?? null,
    entrance: venue?.entrance ?? null,
    since: venue?.at ?? null,
  };
}

function badgesByPerson(copy: Copy): Map<string, CopiedBadge> {
  const people = new Map<string, CopiedBadge>();
  for (const badge of copy.all()) {
    const other = people.get(badge.registration_id);
    if (!other || badge.status === 'valid') people.set(badge.registration_id, badge);
  }
  return people;
}

function momentOf({ at }: Whereabouts): number {
  return at === null ? -Infinity : Date.parse(at);
}

const collator = new Intl.Collator();

function byName(one: Inside, other: Inside): number {
  return (
    collator.compare(one.badge?.family_name ?? '', other.badge?.family_name ?? '') ||
    collator.compare(one.badge?.given_name ?? '', other.badge?.given_name ?? '') ||
    (one.registrationId < other.registrationId ? -1 : 1)
  );
}
