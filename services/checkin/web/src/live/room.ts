/** What the control room shows, from the events that tell of it: pure. */

import type { LatestScan, Room } from '../contract';

export const SCANS_SHOWN = 40;

type Json = Readonly<Record<string, unknown>>;

/** What has changed: figures as a JSON Merge Patch, new scans, alerts and devices as a whole. */
export type Changes = Partial<Omit<Room, 'figures'>> & { readonly figures?: Json };

/** The whole, whatever was shown before. */
export function begin(whole: Room): Room {
  return { ...whole, scans: withScans([], whole.scans) };
}

export function follow(before: Room, changes: Changes): Room {
  const { figures, scans, ...others } = changes;
  return {
    ...before,
    ...others,
    figures: figures ? (merged(before.figures as unknown as Json, figures) as unknown as Room['figures']) : before.figures,
    scans: scans ? withScans(before.scans, scans) : before.scans,
  };
}

/** RFC 7396: null takes away, an object is merged, all else replaces. */
export function merged(target: Json, patch: Json): Json {
  const result: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (isObject(value)) result[key] = merged(isObject(result[key]) ? result[key] : {}, value);
    else result[key] = value;
  }
  return result;
}

function withScans(
  before: readonly LatestScan[],
  more: readonly LatestScan[],
): readonly LatestScan[] {
  const bySeq = new Map([...before, ...more].map((scan) => [scan.seq, scan]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq).slice(-SCANS_SHOWN);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
