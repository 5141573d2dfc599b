import { describe, expect, test } from 'vitest';
import { Copy } from '../src/gate/copy';
import { type Inside, whoIsInside } from '../src/gate/inside';
import type { Step } from '../src/gate/presence';
import { ADA, badge, changes, inside, passage, RULES } from './fakes';

const DAY = '2017-06-12';
const GRACE = '0189a1b2-c3d4-7e5f-8a6b-0011223344aa';
const BADGES = [
  badge(),
  badge({ registration_id: GRACE, badge_id: '00112233445566bb', family_name: 'Hopper' }),
];

const left = inside({
  inside: false,
  at: '2017-06-12T07:00:00Z',
  gate: 'tower-out',
  entrance: 'tower',
  direction: 'out',
});
const room = (at: string) =>
  inside({ zone: 'room', inside: false, at, gate: 'room-in', entrance: 'room' });

function listed(presence: Parameters<typeof changes>[0], steps: readonly Step[] = []): Inside[] {
  const copy = new Copy();
  copy.apply(changes({ badges: BADGES, ...presence }), 0);
  return whoIsInside(RULES, copy, steps, DAY);
}

describe('inside, by the copy of a device, is', () => {
  test('who came in, with the entrance used', () => {
    expect(listed({ presence: [inside()] })).toMatchObject([
      { registrationId: ADA, zone: 'venue', entrance: 'varembe', badge: { family_name: 'Lovelace' } },
    ]);
  });

  test('nobody who left, or came on another day', () => {
    expect(listed({ presence: [left, inside({ registration_id: GRACE, session: '2017-06-11' })] })).toEqual([]);
  });

  test('who was seen since in a room that nobody scans out of, and there', () => {
    expect(listed({ presence: [left, room('2017-06-12T07:30:00Z')] })).toMatchObject([
      { zone: 'room', gate: 'room-in', entrance: null, since: null },
    ]);
    expect(listed({ presence: [left, room('2017-06-12T06:30:00Z')] })).toEqual([]);
  });

  test('whom this device has let in since, without whom it has let out', () => {
    const out = passage({ direction: 'out', at: '2017-06-12T07:30:00Z' });
    const letIn = passage({ registrationId: GRACE });
    expect(listed({ presence: [inside()] }, [out, letIn])).toMatchObject([
      { registrationId: GRACE, entrance: 'tower' },
    ]);
  });

  test('in the order of their names, and also who is not known', () => {
    const people = [ADA, GRACE, 'unheard'].map((registration_id) => inside({ registration_id }));
    const names = listed({ presence: people }).map(({ badge }) => badge?.family_name ?? null);
    expect(names).toEqual([null, 'Hopper', 'Lovelace']);
  });
});
