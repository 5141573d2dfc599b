import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readChanges } from '../src/gate/changes';
import { Copy } from '../src/gate/copy';
import { wipeDatabase } from '../src/gate/database';
import { outgoingStore } from '../src/gate/outgoing';
import { Replica } from '../src/gate/replica';
import { Unreachable } from '../src/http';
import { badge, changes, inside, request, TOWER } from './fakes';

const begin = (full: boolean) => ({ kind: 'begin', full });
const key = { kind: 'key', key_id: 1, public_key: 'aa', retired: false };
const line = (item: object) => ({ kind: 'badge', ...item });
const stay = (item: object) => ({ kind: 'presence', ...item });
const end = (cursor: string) => ({ kind: 'end', cursor, now: '2017-06-12T08:00:00+02:00' });

const eve = badge({ badge_id: 'ee', registration_id: 'eve', number: '0000-0001' });

/** Answers each request with the next of these, cut into parts that end where no line does. */
function serve(...answers: readonly (readonly object[])[]): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    const lines = answers[asked.length - 1];
    if (!lines) throw new TypeError('network');
    const bytes = new TextEncoder().encode(lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
    return new Response(inParts(bytes));
  });
  return asked;
}

function inParts(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let from = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.slice(from, (from += 17)));
      if (from >= bytes.length) controller.close();
    },
  });
}

async function reopened(): Promise<Copy> {
  const replica = new Replica();
  await replica.load();
  return replica.copy;
}

beforeEach(() => wipeDatabase());
afterEach(() => vi.unstubAllGlobals());

describe('the copy of the people', () => {
  test('is there after a reload, people, places, keys and cursor', async () => {
    serve([begin(true), key, line(badge()), stay(inside()), end('7')]);
    await new Replica().update('token');
    const copy = await reopened();
    expect(copy.byNumber('7kq2 m9x1')).toEqual(badge());
    expect(copy.place('ada', 'venue')).toEqual(inside());
    expect(copy.inside('venue', '2017-06-12')).toBe(1);
    expect(copy.head).toMatchObject({ cursor: '7', keys: [{ key_id: 1 }] });
  });

  test('goes on from where it was', async () => {
    const asked = serve(
      [begin(true), line(badge()), line(eve), end('7')],
      [begin(false), key, line(badge({ status: 'revoked' })), end('9')],
    );
    const replica = new Replica();
    await replica.update('token');
    await replica.update('token');
    expect(asked).toEqual(['/checkin/api/replica', '/checkin/api/replica?after=7']);
    const copy = await reopened();
    expect(copy.byId(badge().badge_id)?.status).toBe('revoked');
    expect(copy.byId('ee')).toEqual(eve);
  });

  test('keeps what it has when an answer is cut off', async () => {
    serve([begin(true), line(badge()), end('7')], [begin(true), line(eve)]);
    const replica = new Replica();
    await replica.update('token');
    await expect(replica.update('token')).rejects.toBeInstanceOf(Unreachable);
    expect(replica.copy.head.cursor).toBe('7');
    expect(replica.copy.byId(badge().badge_id)).toEqual(badge());
    expect((await reopened()).byId('ee')).toBeUndefined();
  });

  test('forgets whom a full answer does not name', async () => {
    serve(
      [begin(true), line(badge()), stay(inside()), end('7')],
      [begin(true), line(eve), end('1')],
    );
    const replica = new Replica();
    await replica.update('token');
    await replica.update('token');
    for (const copy of [replica.copy, await reopened()]) {
      expect(copy.size).toBe(1);
      expect(copy.inside('venue', '2017-06-12')).toBe(0);
    }
  });

  test('asks once more when it hears of news while it asks', async () => {
    const asked = serve([begin(true), end('7')], [begin(false), end('8')]);
    const replica = new Replica();
    await Promise.all([replica.update('token'), replica.update('token'), replica.update('token')]);
    expect(asked).toHaveLength(2);
    expect(replica.copy.head.cursor).toBe('8');
  });

  test('takes the last word on each place', () => {
    const copy = new Copy();
    copy.apply(changes({ presence: [inside(), inside({ inside: false })] }), 0);
    expect(copy.inside('venue', '2017-06-12')).toBe(0);
    copy.apply(changes({ full: false, presence: [inside(), inside()] }), 0);
    expect(copy.inside('venue', '2017-06-12')).toBe(1);
  });

  test('leaves nothing behind when it is wiped, nor do the scans', async () => {
    serve([begin(true), key, line(badge()), stay(inside()), end('7')]);
    await new Replica().update('token');
    const scan = { scan: request('a'), gate: TOWER, told: null, step: null };
    await outgoingStore.put({ kind: 'scan', seq: 1, ...scan });
    expect(await outgoingStore.load()).toHaveLength(1);
    await wipeDatabase();
    expect(await outgoingStore.load()).toEqual([]);
    expect((await reopened()).complete).toBe(false);
  });

  test('tells of the keys before the people have come', async () => {
    const heard: number[] = [];
    async function* lines() {
      yield [JSON.stringify(begin(true))];
      yield [JSON.stringify(key)];
    }
    await expect(
      readChanges(lines(), (keys) => void heard.push(keys.length)),
    ).rejects.toThrow();
    expect(heard).toEqual([1]);
  });
});
