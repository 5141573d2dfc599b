/** Finding somebody by name or number in the device's own copy. Pure. */

import type { Found, Reason } from '../contract';
import * as badgeNumber from './badge-number';
import type { Copy, CopiedBadge } from './copy';
import type { Whereabouts } from './presence';

const SHORTEST_QUERY = 2;
const MOST = 20;

/** Of Chinese, Japanese or Korean: worth a word, and no blank stands between two names. */
const SIGN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;

// Letters that Unicode does not take apart, and apostrophes, which people leave out: as
// shared/folding.py has them.
const APART: Readonly<Record<string, string>> = {
  ß: 'ss',
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ı: 'i',
  ŧ: 't',
  æ: 'ae',
  œ: 'oe',
  þ: 'th',
  ə: 'e',
  ʻ: '',
  ʼ: '',
  "'": '',
  '’': '',
  '`': '',
};

/** Words in small letters without accents, with one blank between them. */
export function fold(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^\x00-\x7f]|['`]/gu, (letter) => APART[letter] ?? letter)
    .replace(/[^\p{Letter}\p{Number}]+/gu, ' ')
    .trim();
}

/** The words that a name must have, in any order, for somebody who was asked for like this. */
function searched(query: string): string[] {
  return fold(query.replace(SIGN, ' $& ')).split(' ');
}

/** Whether it is enough to look somebody up by. */
export function isTelling(query: string): boolean {
  return searched(query).join('').length >= SHORTEST_QUERY || query.search(SIGN) >= 0;
}

/** Why no gate lets them in, as a scan of theirs would say it; null for nothing of that kind. */
export function stopOf({ status, blocked }: Pick<Found, 'status' | 'blocked'>): Reason | null {
  if (status !== 'valid') return status;
  return blocked ? 'blocked' : null;
}

interface Match {
  readonly badge: CopiedBadge;
  /** Every word begins a name */
  readonly begins: boolean;
}

/**
 * Whose badge has the number, or whose name has all the words in any order: first those of whom
 * every word begins a name.
 *
 * @param insideOf where somebody is inside, or undefined for nowhere
 */
export function find(
  copy: Copy,
  query: string,
  insideOf: (registrationId: string) => Whereabouts | undefined,
): Found[] {
  const badges = numbered(copy, query) ?? (isTelling(query) ? named(copy, searched(query)) : []);
  return badges.map((badge) => found(badge, insideOf(badge.registration_id)));
}

function numbered(copy: Copy, query: string): readonly CopiedBadge[] | null {
  const badge = badgeNumber.fault(query) === null ? copy.byNumber(query) : undefined;
  return badge ? [badge] : null;
}

function named(copy: Copy, words: readonly string[]): readonly CopiedBadge[] {
  const people = new Map<string, Match>();
  for (const badge of copy.all()) {
    const match = matched(badge, words);
    const other = people.get(badge.registration_id);
    // Of several badges the one that opens gates, whatever came first.
    if (match && (!other || badge.status === 'valid')) people.set(badge.registration_id, match);
  }
  return [...people.values()]
    .sort(inOrder)
    .slice(0, MOST)
    .map(({ badge }) => badge);
}

function matched(badge: CopiedBadge, words: readonly string[]): Match | null {
  const names = ` ${fold(`${badge.given_name} ${badge.family_name}`)}`;
  if (!words.every((word) => names.includes(word))) return null;
  return { badge, begins: words.every((word) => names.includes(` ${word}`)) };
}

function inOrder(one: Match, other: Match): number {
  return (
    Number(other.begins) - Number(one.begins) ||
    one.badge.family_name.localeCompare(other.badge.family_name) ||
    one.badge.given_name.localeCompare(other.badge.given_name)
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
    photo: badge.photo ?? null,
    status: badge.status,
    blocked: badge.blocked,
    inside: place !== undefined,
    inside_since: place?.at ?? null,
    entrance: place?.entrance ?? null,
  };
}
