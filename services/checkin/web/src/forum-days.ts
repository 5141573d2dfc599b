/** The forum's days and their closing times, in its own time zone wherever the device is. */

import { timeFormat } from './formats.ts';

const DAY = 24 * 3600_000;

/** The calendar day in that zone, 2017-06-12, whether or not the forum is held on it. */
export function dayOf(timezone: string, moment: Date): string {
  return isoDay(moment.getTime() + offset(timezone, moment.getTime()));
}

/** When the venue closes that day, at the offset that holds in the zone by then. */
export function closingTime(timezone: string, day: string, closes: string): Date {
  const wall = Date.parse(`${day}T${closes}Z`);
  const before = wall - offset(timezone, wall - DAY);
  const after = wall - offset(timezone, wall + DAY);
  const shows = (instant: number): boolean => instant + offset(timezone, instant) === wall;
  // Of a time that the clocks show twice the first is meant; one that they leave out is counted on
  // from before. The server's zoneinfo has it so.
  return new Date(shows(after) && !shows(before) ? after : before);
}

export function nextDay(day: string): string {
  return isoDay(Date.parse(day) + DAY);
}

// Clocks change at the quarters of an hour, and to ask a zone takes long where hundreds of scans wait.
const QUARTER = 15 * 60_000;
const offsets = new Map<string, Map<number, number>>();

/** How far the zone's clocks are ahead of UTC at that instant; all in milliseconds. */
function offset(timezone: string, instant: number): number {
  const quarter = Math.floor(instant / QUARTER);
  const known = offsets.get(timezone) ?? new Map<number, number>();
  offsets.set(timezone, known);
  const ahead = known.get(quarter) ?? ask(timezone, quarter * QUARTER);
  known.set(quarter, ahead);
  return ahead;
}

function ask(timezone: string, instant: number): number {
  const parts = clockOf(timezone).formatToParts(instant);
  const part = (type: string): number => Number(parts.find((found) => found.type === type)?.value);
  const shown = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return shown - instant;
}

function clockOf(timezone: string): Intl.DateTimeFormat {
  return timeFormat('en-US-u-ca-iso8601-nu-latn', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
}

function isoDay(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}
