import 'fake-indexeddb/auto';
import { beforeEach, expect, test, vi } from 'vitest';
import * as device from '../src/gate/device';
import { answer, TOWER } from './fakes';

const PAIRED = { deviceId: 'd', token: 't', gate: 'tower-in', direction: null };

let storage: Map<string, string>;

beforeEach(async () => {
  storage = new Map();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => void storage.set(key, value),
    removeItem: (key: string) => void storage.delete(key),
  });
  await device.wipe();
});

test('a device that was never paired is not', async () => {
  expect(await device.paired.recall()).toBeNull();
  expect(await device.forum.recall()).toBeNull();
});

test('a pairing is on the disk when it is kept, and gone when it is wiped', async () => {
  const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction');
  await device.paired.keep(PAIRED);
  expect(transaction).toHaveBeenCalledWith(['device'], 'readwrite', { durability: 'strict' });
  expect(await device.paired.recall()).toEqual(PAIRED);
  device.tally.keep({ day: '2017-06-12', admitted: 3, departed: 2, refused: 1 });
  await device.wipe();
  expect(await device.paired.recall()).toBeNull();
  expect(device.tally.recall()).toEqual(device.NO_TALLY);
});

test('a pairing from where it was kept before is taken over, once', async () => {
  const { names, ...gate } = TOWER;
  const forum = { gates: [{ ...gate, name: 'Tower in' }] };
  storage.set('forumpass.device', JSON.stringify(PAIRED));
  storage.set('forumpass.forum', JSON.stringify({ forum, offset: 7 }));
  expect(await device.paired.recall()).toEqual(PAIRED);
  expect(storage.size).toBe(0);
  const kept = await device.forum.recall();
  expect(kept?.offset).toBe(7);
  expect(kept?.forum.gates[0]?.names).toEqual({ en: 'Tower in' });
  await device.wipe();
  expect(await device.paired.recall()).toBeNull();
});

test('zoom is kept for each camera', () => {
  device.zoom.keep('back', 2);
  device.zoom.keep('front', 1.5);
  device.zoom.keep('back', 3);
  expect(device.zoom.recall('back')).toBe(3);
  expect(device.zoom.recall('front')).toBe(1.5);
  expect(device.zoom.recall('other')).toBeNull();
});

test('who left is counted apart from who was let in', () => {
  const answers = [
    answer('a', { reason: 'first_entry' }),
    answer('b', { reason: 'departed' }),
    answer('c', { decision: 'refused', reason: 'blocked' }),
    answer('d', { reason: 'departed' }),
  ];
  const { admitted, departed, refused } = answers.reduce(device.counted, device.NO_TALLY);
  expect({ admitted, departed, refused }).toEqual({ admitted: 1, departed: 2, refused: 1 });
});

test('what is undone counts no more, and never less than nothing', () => {
  const tally = { ...device.NO_TALLY, admitted: 1, departed: 1 };
  const entry = answer('a');
  const left = answer('b', { reason: 'departed' });
  expect(device.uncounted(tally, entry)).toEqual({ ...tally, admitted: 0 });
  expect(device.uncounted(tally, left)).toEqual({ ...tally, departed: 0 });
  expect(device.uncounted(device.NO_TALLY, entry)).toEqual(device.NO_TALLY);
});
