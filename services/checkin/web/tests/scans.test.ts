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
    return Response.json(await reply(call));
  });
  return sent;
}

const refusing = (scanId: unknown) =>
  answer(String(scanId), { decision: 'refused', reason: 'blocked', participant: badge() });
const after = <Answer>(milliseconds: number, value: Answer) =>
  new Promise<Answer>((resolve) => setTimeout(() => resolve(value), milliseconds));

let scans: Scans | null = null;

function newGate(offline = false) {
  const told: string[] = [];
  const replica = new Replica();
  replica.copy.apply(changes({ badges: [badge()] }), 0);
  const clock = new ForumClock(Date.parse(MORNING) - Date.now(), 'Europe/Zurich');
  const post: Post = {
    forum: RULES as Forum,
    clock,
    gate: TOWER,
    direction: 'in',
    token: 'token',
    offline,
    replica,
    told: ({ reason }) => void told.push(reason),
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
    await vi.waitFor(() => expect(told).toEqual(['first_entry', 'first_entry']));
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
});
