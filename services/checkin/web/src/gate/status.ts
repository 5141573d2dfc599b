/** How the gate stands with the server, as its status line says it. Pure. */

export type Link =
  | { readonly kind: 'online' }
  | { readonly kind: 'offline'; readonly since: Date }
  | { readonly kind: 'old'; readonly minutes: number };

export interface Contact {
  /** Forum time */
  readonly now: Date;
  readonly offlineSince: Date | null;
  /** When the copy of the people was last brought up to date, in forum time; null for never */
  readonly copiedAt: Date | null;
}

const OLD_MINUTES = 15;
// The time of day says nothing any more of a contact that was on another day.
const LONG_MINUTES = 12 * 60;

export function linkOf({ now, offlineSince, copiedAt }: Contact): Link {
  const minutes = copiedAt && Math.floor((now.getTime() - copiedAt.getTime()) / 60_000);
  const limit = offlineSince ? LONG_MINUTES : OLD_MINUTES;
  if (minutes !== null && minutes >= limit) return { kind: 'old', minutes };
  return offlineSince ? { kind: 'offline', since: offlineSince } : { kind: 'online' };
}
