import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Forum, ScanAnswer } from '../src/contract';
import { ForumClock } from '../src/forum-clock';
import { wipePeople } from '../src/gate/database';
import { Replica } from '../src/gate/replica';
import { type Post, Scans } from '../src/gate/scans';
import { answer, badge, changes, MORNING, RULES, TOWER } from './fakes';

interface Sent {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** A server that answers each call by `reply`, or not at all when that throws. */
function serve(reply: (sent: Sent) => unknown): Sent[] {
  const sent: Sent[] = [];
  vi.stubGlobal('fetch', async (path: string, { body }: { body: string }) => {
    const call = { path: path.replace('/checkin/api/scans', ''), body: JSON.parse(body) };
    sent.push(call);
    const given = await reply(call);
    return given instanceof Response ? given : Response.json(given);
  });
  return sent;
}

const refusing = (scanId: unknown) =>
  answer(String(scanId), { decision: 'refused', reason: 'blocked', participant: badge() });
const declining = (status: number) => Response.json({ type: '', title: 'No' }, { status });
const after = <Answer>(milliseconds: number, value: Answer) =>
  new Promise<Answer>((resolve) => setTimeout(() => resolve(value), milliseconds));

let scans: Scans | null = null;

function newGate(offline = false, now = MORNING) {
  const told: string[] = [];
  const replica = new Replica();
  replica.copy.apply(changes({ badges: [badge()] }), 0);
  const clock = new ForumClock(Date.parse(now) - Date.now(), 'Europe/Zurich');
  const post: Post = {
    forum: RULES as Forum,
    clock,
    gate: TOWER,
    direction: 'in',
    token: 'token',
    offline,
    replica,
    told: ({ reason }) => void told.push(reason),
    undone: ({ undone }) => void told.push(undone ? 'undone' : 'not undone'),
    corrected: () => void told.push('corrected'),
    reached: () => {},
    unreachable: () => scans?.stopAsking(),
    revoked: () => {},
    changed: () => {},
  };
  scans = new Scans(post);
  return { scans, told, replica, clock };
}

beforeEach(() => wipePeople());

afterEach(async () => {
  await scans?.stop();
  vi.unstubAllGlobals();
});

describe('the officer is told', () => {
  test('the server’s answer when it is quick', async () => {
    const sent = serve(({ body }) => refusing(body['scan_id']));
    const { scans, told } = newGate();
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toEqual(['blocked']));
    await after(400, null);
    expect(told).toEqual(['blocked']);
    expect(sent.map(({ path }) => path)).toEqual(['']);
    expect(scans.waiting).toBe(0);
  });

  test('that the server does not take a scan, in words that can be translated', async () => {
    serve(() => declining(422));
    const { scans } = newGate();
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(scans.newest?.fault).toEqual({ by: 'server', detail: 'No' }));
  });

  test('no longer what was answered before the gate was turned, but what is still to come', async () => {
    serve(({ body }) => refusing(body['scan_id']));
    const { scans } = newGate();
    scans.take({ number: '7KQ2M9X1' });
    scans.putAway();
    expect(scans.newest).not.toBeNull();
    await vi.waitFor(() => expect(scans.newest?.answer?.reason).toBe('blocked'));
    scans.putAway();
    expect(scans.newest).toBeNull();
    expect(scans.list).toHaveLength(1);
    scans.take({ number: '7KQ2M9X1' });
    expect(scans.newest).not.toBeNull();
  });

  test('the device’s own answer when the server is slow, and then that it was wrong', async () => {
    const sent = serve(({ path, body }) => (path === '' ? after(600, refusing(body['scan_id'])) : {}));
    const { scans, told } = newGate();
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(scans.newest?.who?.given_name).toBe('Ada'));
    expect(scans.newest?.answer).toBeNull();
    await vi.waitFor(() => expect(told).toEqual(['first_entry', 'corrected']), 2000);
    expect(scans.newest?.answer).toMatchObject({ decision: 'refused', reason: 'blocked' });
    expect(scans.corrections).toMatchObject([{ told: { reason: 'first_entry' } }]);
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    expect(sent[1]).toEqual({
      path: `/${scans.newest?.id}/shown`,
      body: { decision: 'admitted', reason: 'first_entry' },
    });
  });

  test('the device’s own answer at once when the server is away, and it is sent later', async () => {
    let away = true;
    const sent = serve(({ body }) => {
      if (away) throw new TypeError('network');
      const all = body['scans'] as { scan_id: string }[] | undefined;
      return { answers: all?.map(({ scan_id }): ScanAnswer => answer(scan_id)) };
    });
    const { scans, told } = newGate();
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toEqual(['first_entry']), 200);
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toEqual(['first_entry', 'already_inside']), 200);
    expect(scans.waiting).toBe(2);

    away = false;
    scans.resume();
    await vi.waitFor(() => expect(scans.waiting).toBe(0), 3000);
    const batches = sent.filter(({ path }) => path === '/batch');
    expect(batches.at(-1)?.body['scans']).toMatchObject([{ admitted: true }, { admitted: false }]);
  });
});

describe('a device that was switched off with scans that wait', () => {
  test('has them again, as the officer saw them, and whom it let in', async () => {
    serve(() => {
      throw new TypeError('network');
    });
    const before = newGate(true);
    before.scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(before.told).toEqual(['first_entry']));
    await before.scans.stop();

    const { scans, told } = newGate(true);
    await scans.load();
    expect(scans.waiting).toBe(1);
    expect(scans.list).toMatchObject([{ answer: { participant: { given_name: 'Ada' } } }]);
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toEqual(['already_inside']));
  });
});

describe('what the officer was told otherwise', () => {
  test('is told of one after the other, oldest first, and noted one by one', async () => {
    let away = true;
    serve(({ path, body }) => {
      if (away) throw new TypeError('network');
      if (path.endsWith('/shown')) return {};
      const all = body['scans'] as { scan_id: string }[];
      return { answers: all.map(({ scan_id }) => refusing(scan_id)) };
    });
    const { scans, told } = newGate(true);
    scans.take({ number: '7KQ2M9X1' });
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toHaveLength(2));
    away = false;
    scans.resume();
    await vi.waitFor(() => expect(scans.corrections).toHaveLength(2), 3000);
    const [first, second] = scans.corrections;
    expect(first).toMatchObject({ told: { reason: 'first_entry' } });
    if (first) scans.note(first);
    expect(scans.corrections).toEqual([second]);
    if (second) scans.note(second);
    expect(scans.corrections).toEqual([]);
  });
});

describe('a tab that the phone threw away', () => {
  /** A gate that let Ada in, is told no such number, and was closed. */
  async function closed() {
    serve(({ body: { scan_id: id, number } }) =>
      number === '7KQ2M9X1'
        ? answer(String(id), { participant: badge() })
        : answer(String(id), { decision: 'refused', reason: 'unknown_badge' }),
    );
    const { scans, told } = newGate();
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toHaveLength(1));
    scans.take({ number: '00000001' });
    await vi.waitFor(() => expect(told).toHaveLength(2));
    await vi.waitFor(() => expect(scans.waiting).toBe(0));
    await scans.stop();
  }

  test('shows the last scans again, and none as if it were the answer to the next', async () => {
    await closed();
    const { scans } = newGate();
    await scans.load();
    expect(scans.list).toMatchObject([
      { presented: { number: '00000001' }, answer: { reason: 'unknown_badge' } },
      { answer: { reason: 'first_entry', participant: { given_name: 'Ada' } } },
    ]);
    expect(scans.newest).toBeNull();
  });

  test('can still undo them, and shows so when it is opened again', async () => {
    await closed();
    const { scans } = newGate();
    await scans.load();
    const [, entry] = scans.list;
    if (entry) await scans.undo(entry, 'Wrong person');
    await scans.stop();
    const next = newGate();
    await next.scans.load();
    expect(next.scans.list).toMatchObject([{ undone: false }, { undone: true }]);
  });

  test('keeps names in the copy alone, and nothing that opens a gate', async () => {
    const keep = vi.spyOn(IDBObjectStore.prototype, 'put');
    serve(({ body }) => answer(String(body['scan_id']), { participant: badge() }));
    const { scans, told } = newGate();
    scans.take({ credential: 'A CREDENTIAL' });
    await vi.waitFor(() => expect(told).toHaveLength(1));
    await scans.stop();
    const kept = keep.mock.calls.filter(([, key]) => key === 'scans').map(([rows]) => rows);
    expect(kept.length).toBeGreaterThan(0);
    expect(JSON.stringify(kept)).not.toMatch(/Lovelace|CREDENTIAL/);
    keep.mockRestore();
  });

  test('has forgotten them on the next day, and with the people', async () => {
    await closed();
    const tomorrow = newGate(false, '2017-06-13T08:12:00+02:00');
    await tomorrow.scans.load();
    expect(tomorrow.scans.list).toEqual([]);
    await wipePeople();
    const { scans } = newGate();
    await scans.load();
    expect(scans.list).toEqual([]);
  });
});

describe('an undo', () => {
  test('waits behind its scan, and lets the person in again meanwhile', async () => {
    serve(() => {
      throw new TypeError('network');
    });
    const { scans, told } = newGate(true);
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toEqual(['first_entry']));
    if (scans.newest) await scans.undo(scans.newest, 'Wrong person');
    expect(scans.newest?.undone).toBe(true);
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toEqual(['first_entry', 'undone', 'first_entry']));
    expect(scans.waiting).toBe(2);
  });

  test('keeps the time at which it was done until it is sent', async () => {
    let away = true;
    const sent = serve(({ body }) => {
      if (away) throw new TypeError('network');
      const all = body['scans'] as { scan_id: string }[] | undefined;
      return { answers: all?.map(({ scan_id }): ScanAnswer => answer(scan_id)) };
    });
    const { scans, told, clock } = newGate(true);
    scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(told).toEqual(['first_entry']));
    if (scans.newest) await scans.undo(scans.newest, 'Wrong person');
    const done = clock.now();
    await after(50, null);
    away = false;
    scans.resume();
    await vi.waitFor(() => expect(scans.steps).toHaveLength(0), 3000);
    const undone = sent.filter(({ path }) => path.endsWith('/undo')).at(-1)?.body;
    expect(undone?.['reason']).toBe('Wrong person');
    const said = new Date(String(undone?.['undone_at'])).getTime();
    expect(said).toBeLessThanOrEqual(done.getTime());
  });

  /** A gate with one scan that the server has, and undoes by `undoing`. */
  async function withOneScan(undoing: () => unknown) {
    const sent = serve(({ path, body }) => {
      if (path.endsWith('/undo')) return undoing();
      const all = (body['scans'] ?? [body]) as { scan_id: string }[];
      const answers = all.map(({ scan_id }) => answer(scan_id, { participant: badge() }));
      return path === '/batch' ? { answers } : answers[0];
    });
    const gate = newGate();
    gate.scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(gate.told).toHaveLength(1));
    await vi.waitFor(() => expect(gate.scans.waiting).toBe(0));
    return { ...gate, sent };
  }

  test('that the server made although its answer was lost stays made', async () => {
    let lost = true;
    const { scans, sent } = await withOneScan(() => {
      if (!lost) return declining(409);
      lost = false;
      throw new TypeError('network');
    });
    if (scans.newest) await scans.undo(scans.newest, 'Wrong person');
    await vi.waitFor(() => expect(sent).toHaveLength(3));
    await after(50, null);
    expect(scans.list).toMatchObject([{ undone: true }]);
  });

  test('of what the lead has just undone is one', async () => {
    const { scans } = await withOneScan(() => declining(409));
    if (scans.newest) await scans.undo(scans.newest, 'Wrong person');
    expect(scans.list).toMatchObject([{ undone: true }]);
  });

  test('that the server does not take leaves the scan as it was', async () => {
    const { scans } = await withOneScan(() => declining(404));
    if (!scans.newest) throw new Error('no scan');
    await expect(scans.undo(scans.newest, 'Wrong person')).rejects.toThrow();
    expect(scans.list).toMatchObject([{ undone: false }]);
  });

  test('is counted once, whatever the server says of it later', async () => {
    let lost = true;
    const { scans, told, sent } = await withOneScan(() => {
      if (!lost) return declining(404);
      lost = false;
      throw new TypeError('network');
    });
    if (scans.newest) await scans.undo(scans.newest, 'Wrong person');
    expect(told).toEqual(['first_entry', 'undone']);
    await vi.waitFor(() => expect(sent).toHaveLength(3));
    await vi.waitFor(() => expect(told).toEqual(['first_entry', 'undone', 'not undone']));
  });

  test('that waits is still seen after a reload, and of a refusal is none', async () => {
    let away = true;
    serve(({ path, body }) => {
      if (away) throw new TypeError('network');
      if (path.endsWith('/undo')) return declining(409);
      const all = body['scans'] as { scan_id: string }[];
      return { answers: all.map(({ scan_id }) => refusing(scan_id)) };
    });
    const before = newGate(true);
    before.scans.take({ number: '7KQ2M9X1' });
    await vi.waitFor(() => expect(before.told).toEqual(['first_entry']));
    if (before.scans.newest) await before.scans.undo(before.scans.newest, 'Wrong person');
    await before.scans.stop();

    const { scans } = newGate(true);
    await scans.load();
    expect(scans.list).toMatchObject([{ undone: true }]);
    away = false;
    scans.resume();
    await vi.waitFor(() => expect(scans.list).toMatchObject([{ undone: false }]), 3000);
    expect(scans.list).toMatchObject([{ answer: { decision: 'refused' } }]);
  });
});
