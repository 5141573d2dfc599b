import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readChanges } from '../src/gate/changes';
import { Copy, type CopiedBadge } from '../src/gate/copy';
import { wipePeople } from '../src/gate/database';
import { outgoingStore } from '../src/gate/outgoing';
import type { Whereabouts } from '../src/gate/presence';
import { Replica } from '../src/gate/replica';
import { Unreachable } from '../src/http';
import { ADA, badge, changes, inside, request, TOWER } from './fakes';

const COLUMNS = {
  key: ['key_id', 'public_key', 'retired'],
  badge: [
    ...['registration_id', 'badge_id', 'number', 'given_name', 'family_name', 'organization'],
    ...['country', 'category', 'status', 'days', 'zones', 'blocked'],
  ],
  presence: [
    ...['registration_id', 'at', 'zone', 'inside', 'session', 'last_entry_day'],
    ...['gate', 'entrance', 'direction'],
  ],
} as const;
const SINCE = '2017-06-12T00:00:00Z';

const begin = (full: boolean, format = 2) => ['begin', { format, full, since: SINCE, ...COLUMNS }];
const key = ['key', 1, 'aa', false];
const end = (cursor: string) => ['end', { cursor, now: '2017-06-12T08:00:00+02:00' }];

/** As the server writes it. */
function line(item: CopiedBadge): readonly unknown[] {
  const number = item.number?.replace('-', '').slice(0, -1);
  const row: Row = { ...item, number, registration_id: whose(item), badge_id: packed(item.badge_id) };
  return ['badge', ...COLUMNS.badge.map((column) => row[column])];
}

function stay(item: Whereabouts, registration_id: string | null = whose(item)): readonly unknown[] {
  const at = item.at === null ? null : (Date.parse(item.at) - Date.parse(SINCE)) / 1000;
  const row: Row = { ...item, registration_id, at };
  return ['presence', ...COLUMNS.presence.map((column) => row[column])];
}

type Row = Readonly<Record<string, unknown>>;

const whose = (item: { readonly registration_id: string }) =>
  packed(item.registration_id.replaceAll('-', ''));

function packed(hex: string): string {
  const octets = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return btoa(String.fromCharCode(...octets)).replaceAll('=', '');
}

const EVE = '01893e5c-2a00-7abc-8def-0123456789ab';
const eve = badge({ badge_id: 'eeeeeeeeeeeeeeee', registration_id: EVE, number: '0000-001V' });

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

beforeEach(() => wipePeople());
afterEach(() => vi.unstubAllGlobals());

describe('the copy of the people', () => {
  test('is there after a reload, people, places, keys and cursor', async () => {
    serve([begin(true), key, line(badge()), stay(inside()), end('7')]);
    await new Replica().update('token');
    const copy = await reopened();
    expect(copy.byNumber('7kq2 m9x1')).toEqual(badge());
    expect(copy.place(ADA, 'venue')).toEqual(inside());
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
    expect(copy.byId('eeeeeeeeeeeeeeee')).toEqual(eve);
  });

  test('keeps what it has when an answer is cut off', async () => {
    serve([begin(true), line(badge()), end('7')], [begin(true), line(eve)]);
    const replica = new Replica();
    await replica.update('token');
    await expect(replica.update('token')).rejects.toBeInstanceOf(Unreachable);
    expect(replica.copy.head.cursor).toBe('7');
    expect(replica.copy.byId(badge().badge_id)).toEqual(badge());
    expect((await reopened()).byId('eeeeeeeeeeeeeeee')).toBeUndefined();
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

  test('keeps what it has when the answer is written for another version of the app', async () => {
    const older = [{ kind: 'begin', full: true }, { kind: 'end', cursor: '8' }];
    serve([begin(true), line(badge()), end('7')], [begin(true, 3), end('9')], older);
    const replica = new Replica();
    await replica.update('token');
    await expect(replica.update('token')).rejects.toBeInstanceOf(Unreachable);
    await expect(replica.update('token')).rejects.toBeInstanceOf(Unreachable);
    expect((await reopened()).byId(badge().badge_id)).toEqual(badge());
    expect(replica.copy.head.cursor).toBe('7');
  });

  test('takes a line that names nobody for the person of the line before', async () => {
    const left = inside({ registration_id: EVE, inside: false, at: '2017-06-11T23:59:59.000Z' });
    serve([begin(true), line(badge()), stay(inside(), null), line(eve), stay(left, null), end('7')]);
    await new Replica().update('token');
    const copy = await reopened();
    expect(copy.place(ADA, 'venue')).toEqual(inside());
    expect(copy.place(EVE, 'venue')).toEqual(left);
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
    await wipePeople();
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
