/** Finding somebody by name or number in the device's own copy. Pure. */

import type { Found } from '../contract';
import * as badgeNumber from './badge-number';
import type { Copy, CopiedBadge } from './copy';
import type { Whereabouts } from './presence';

export const SHORTEST_QUERY = 2;
const MOST = 20;

/** Without accents and case, as people type names in a hurry. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/ø/g, 'o')
    .replace(/ł/g, 'l')
    .replace(/đ/g, 'd')
    .replace(/æ/g, 'ae')
    .replace(/œ/g, 'oe');
}

/**
 * Those whose names have a word that begins with each word of the query, in any order, or whose
 * number begins with it.
 *
 * @param insideOf where somebody is inside, or undefined for nowhere
 */
export function find(
  copy: Copy,
  query: string,
  insideOf: (registrationId: string) => Whereabouts | undefined,
): Found[] {
  if (query.trim().length < SHORTEST_QUERY) return [];
  const words = fold(query).split(/[\s,]+/).filter(Boolean);
  const number = badgeNumber.normalize(query);
  const people = new Map<string, CopiedBadge>();
  for (const badge of copy.all()) {
    if (!matches(badge, words, number)) continue;
    const other = people.get(badge.registration_id);
    // Of several badges the one that opens gates, whatever came first.
    if (!other || badge.status === 'valid') people.set(badge.registration_id, badge);
  }
  return [...people.values()]
    .sort(byName)
    .slice(0, MOST)
    .map((badge) => found(badge, insideOf(badge.registration_id)));
}

function matches(badge: CopiedBadge, words: readonly string[], number: string): boolean {
  if (badge.number && badgeNumber.normalize(badge.number).startsWith(number)) return true;
  const names = ` ${fold(`${badge.given_name} ${badge.family_name}`).replace(/[-'’]/g, ' ')}`;
  return words.every((word) => names.includes(` ${word.replace(/[-'’]/g, ' ')}`));
}

function byName(one: CopiedBadge, other: CopiedBadge): number {
  return (
    one.family_name.localeCompare(other.family_name) ||
    one.given_name.localeCompare(other.given_name)
  );
}

function found(badge: CopiedBadge, place: Whereabouts | undefined): Found {
  return {
    registration_id: badge.registration_id,
    badge_id: badge.badge_id,
    number: badge.number,
    given_name: badge.given_name,
    family_name: badge.family_name,
    organization: badge.organization,
    country: badge.country,
    category: badge.category,
    status: badge.status,
    blocked: badge.blocked,
    inside: place !== undefined,
    inside_since: place?.at ?? null,
    entrance: place?.entrance ?? null,
  };
}
