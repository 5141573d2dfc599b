import { describe, expect, test } from 'vitest';
import type { LatestScan, Room } from '../src/contract';
import { begin, follow, merged, SCANS_SHOWN } from '../src/live/room';

const scan = (seq: number): LatestScan => ({ seq, scan_id: `s${seq}` }) as LatestScan;
const room = (more: object = {}): Room =>
  ({ figures: { inside: 1, by_minute: { '08:00': 1 } }, scans: [], alerts: [], devices: [], ...more }) as unknown as Room;
const seqs = ({ scans }: Room) => scans.map(({ seq }) => seq);

describe('a merge patch', () => {
  test.each([
    [{ a: 1 }, { a: 2 }, { a: 2 }],
    [{ a: 1, b: 2 }, { b: null }, { a: 1 }],
    [{ a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
    [{ a: [1] }, { a: [2, 3] }, { a: [2, 3] }],
    [{ a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    [{}, { a: { b: { c: null } } }, { a: { b: {} } }],
  ])('%j by %j is %j', (target, patch, result) => {
    expect(merged(target, patch)).toEqual(result);
  });
});

describe('the room', () => {
  test('follows its figures', () => {
    const after = follow(room(), { figures: { inside: 2, by_minute: { '08:01': 1 } } });
    expect(after.figures).toMatchObject({ inside: 2, by_minute: { '08:00': 1, '08:01': 1 } });
  });

  test('shows each scan once, in the order of the log, however they come', () => {
    let shown = begin(room({ scans: [scan(2), scan(5)] }));
    shown = follow(shown, { scans: [scan(3), scan(5), scan(6)] });
    expect(seqs(shown)).toEqual([2, 3, 5, 6]);
  });

  test('keeps the latest scans only', () => {
    const many = Array.from({ length: SCANS_SHOWN + 9 }, (_, i) => scan(i));
    expect(seqs(begin(room({ scans: many }))).at(0)).toBe(9);
  });

  test('takes alerts and devices as a whole', () => {
    const after = follow(room({ alerts: [{ id: 'a' }] }), { alerts: [] });
    expect(after.alerts).toEqual([]);
  });
});
