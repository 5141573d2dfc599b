/** What the tests of the gate without a network are made of. */

import type { Gate, ScanAnswer, ScanRequest } from '../src/contract';
import type { ForumRules } from '../src/gate/admission';
import type { Changes, CopiedBadge } from '../src/gate/copy';
import type { Outgoing, OutgoingStore } from '../src/gate/outgoing';
import type { Passage, Whereabouts } from '../src/gate/presence';

export const RULES: ForumRules = {
  timezone: 'Europe/Zurich',
  closes: '20:00:00',
  days: ['2017-06-12', '2017-06-13'],
  zones: [
    { id: 'venue', bit: 0, scan_out: true, anti_passback: true, capacity: 2 },
    { id: 'room', bit: 1, scan_out: false, anti_passback: false, capacity: null },
  ],
};

export const TOWER: Gate = {
  id: 'tower-in',
  names: { en: 'Tower in' },
  zone: 'venue',
  direction: 'in',
  entrance: 'tower',
};

export const ADA = '0189a1b2-c3d4-7e5f-8a6b-00112233aada';
export const MORNING = '2017-06-12T08:12:00+02:00';

export function badge(changes: Partial<CopiedBadge> = {}): CopiedBadge {
  return {
    badge_id: '00112233445566aa',
    registration_id: ADA,
    number: '7KQ2-M9X1',
    status: 'valid',
    days: 0b11,
    zones: 0b01,
    blocked: false,
    given_name: 'Ada',
    family_name: 'Lovelace',
    organization: 'Analytical Society',
    country: 'GB',
    category: 'civil_society',
    ...changes,
  };
}

export function inside(changes: Partial<Whereabouts> = {}): Whereabouts {
  return {
    registration_id: ADA,
    zone: 'venue',
    inside: true,
    session: '2017-06-12',
    last_entry_day: '2017-06-12',
    at: '2017-06-12T06:12:00.000Z',
    gate: 'varembe-in',
    entrance: 'varembe',
    direction: 'in',
    ...changes,
  };
}

export function passage(changes: Partial<Passage> = {}): Passage {
  return {
    kind: 'passage',
    registrationId: ADA,
    zone: 'venue',
    at: '2017-06-12T06:30:00Z',
    gate: 'tower-in',
    entrance: 'tower',
    direction: 'in',
    ...changes,
  };
}

export function changes(some: Partial<Changes> = {}): Changes {
  return { full: true, keys: [], badges: [], presence: [], cursor: '1', ...some };
}

export function request(scan_id: string): ScanRequest {
  return { scan_id, number: '7KQ2M9X1', direction: 'in', scanned_at: '2017-06-12T06:12:00Z' };
}

export function answer(scan_id: string, some: Partial<ScanAnswer> = {}): ScanAnswer {
  return {
    scan_id,
    decision: 'admitted',
    reason: 'first_entry',
    participant: null,
    previous: null,
    decided_at: MORNING,
    ...some,
  };
}

/** A disk that keeps what it was given, for the next queue to find. */
export function disk(): OutgoingStore & { readonly rows: Map<number, Outgoing> } {
  const rows = new Map<number, Outgoing>();
  return {
    rows,
    load: async () => [...rows.values()].sort((one, other) => one.seq - other.seq),
    put: async (entry) => void rows.set(entry.seq, entry),
    remove: async (seqs) => seqs.forEach((seq) => rows.delete(seq)),
  };
}
