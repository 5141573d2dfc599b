import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ScanAnswer, ScanProblem, SyncedScan } from '../src/contract';
import type { OutgoingStore } from '../src/gate/outgoing';
import { type Outcomes, Queue, type Receiver } from '../src/gate/queue';
import { Declined, Unreachable } from '../src/http';
import { answer, disk, request, TOWER } from './fakes';

const refusal = (status: number) => new Declined({ type: 'about:blank', title: 'No', status });

/** A server that notes what it is sent; each call can be made to fail. */
function newServer(fail: () => void = () => {}) {
  const calls: string[] = [];
  const receive = async <Answer>(call: string, reply: Answer): Promise<Answer> => {
    calls.push(call);
    fail();
    return reply;
  };
  const receiver: Receiver = {
    scan: ({ scan_id }) => receive(scan_id, answer(scan_id)),
    scans: (scans) => receive(`[${scans.map(named).join(' ')}]`, scans.map(answered)),
    undo: ({ scanId }) => receive(`undo ${scanId}`, {}),
    shown: ({ scanId }) => receive(`shown ${scanId}`, {}),
  };
  return { calls, receiver };
}

const named = ({ scan_id, admitted }: SyncedScan) =>
  admitted === undefined ? scan_id : `${scan_id}:${admitted}`;
const answered = ({ scan_id }: SyncedScan): ScanAnswer | ScanProblem => answer(scan_id);

function newQueue(receiver: Receiver, store: OutgoingStore = disk()) {
  const heard: string[] = [];
  const outcomes: Outcomes = {
    answered: async (all) => void heard.push(...all.map(({ answer: { scan_id } }) => scan_id)),
    delivered: async ({ kind }) => void heard.push(kind),
    declined: (entry) =>
      void heard.push(`declined ${entry.kind === 'scan' ? entry.scan.scan_id : entry.scanId}`),
    unreachable: () => void heard.push('unreachable'),
    revoked: () => void heard.push('revoked'),
    changed: () => {},
  };
  return { heard, queue: new Queue(store, receiver, outcomes) };
}

const asked = (id: string) =>
  ({ kind: 'scan', scan: request(id), gate: TOWER, told: null, step: null }) as const;
const told = (id: string) => ({ ...asked(id), told: answer(id) });

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a scan on its way', () => {
  test('is asked of the server alone and at once while the network holds', async () => {
    const { calls, receiver } = newServer();
    const { queue, heard } = newQueue(receiver);
    await queue.add(asked('a'));
    queue.resume();
    await settle();
    expect(calls).toEqual(['a']);
    expect(heard).toEqual(['a']);
    expect(queue.waiting).toBe(0);
  });

  test('goes again under the same id until it is answered, and says what the officer was told', async () => {
    let failures = 3;
    const { calls, receiver } = newServer(() => {
      if (failures-- > 0) throw new Unreachable();
    });
    const { queue, heard } = newQueue(receiver);
    const seq = await queue.add(asked('a'));
    queue.resume();
    await settle();
    await queue.tell(seq, answer('a', { decision: 'refused', reason: 'blocked' }));
    await vi.advanceTimersByTimeAsync(500 + 1000 + 2000);
    expect(calls).toEqual(['a', '[a:false]', '[a:false]', '[a:false]']);
    expect(heard).toEqual(['unreachable', 'unreachable', 'unreachable', 'a']);
    expect(queue.waiting).toBe(0);
  });

  test('is on disk before it is anywhere else, and off it only when the server has it', async () => {
    const store = disk();
    let online = false;
    const { calls, receiver } = newServer(() => {
      if (!online) throw new Unreachable();
    });
    const { queue } = newQueue(receiver, store);
    for (const id of ['a', 'b', 'c']) await queue.add(told(id));
    queue.resume();
    await settle();
    queue.stop();
    expect(store.rows.size).toBe(3);

    online = true;
    const next = newQueue(receiver, store);
    await next.queue.load();
    expect(next.queue.waiting).toBe(3);
    next.queue.resume();
    await settle();
    expect(calls.at(-1)).toBe('[a:true b:true c:true]');
    expect(store.rows.size).toBe(0);
  });

  test('never overtakes an earlier one, nor an undo the scan that it takes back', async () => {
    let online = false;
    const { calls, receiver } = newServer(() => {
      if (!online) throw new Unreachable();
    });
    const { queue } = newQueue(receiver);
    await queue.add(told('a'));
    await queue.add(told('b'));
    await queue.add({ kind: 'undo', scanId: 'b', reason: 'Wrong person', step: null });
    await queue.add(told('c'));
    await settle();
    online = true;
    queue.resume();
    await settle();
    expect(calls).toEqual(['[a:true b:true]', 'undo b', '[c:true]']);
  });

  test('stays in order though the clock is set back', async () => {
    const { calls, receiver } = newServer();
    const { queue } = newQueue(receiver);
    vi.setSystemTime('2017-06-12T08:00:00Z');
    await queue.add(told('a'));
    vi.setSystemTime('2017-06-12T07:00:00Z');
    await queue.add(told('b'));
    queue.resume();
    await settle();
    expect(calls).toEqual(['[a:true b:true]']);
  });

  test('goes with two hundred at most', async () => {
    const { calls, receiver } = newServer();
    const { queue } = newQueue(receiver);
    for (let n = 0; n < 450; n++) await queue.add(told(`s${n}`));
    queue.resume();
    await settle();
    expect(calls.map((call) => call.split(' ').length)).toEqual([200, 200, 50]);
  });
});

describe('a scan that the server will never take', () => {
  test('does not hold up those that went with it', async () => {
    const { receiver } = newServer();
    const { queue, heard } = newQueue({
      ...receiver,
      scans: async (scans) =>
        scans.map((scan) =>
          scan.scan_id === 'b'
            ? { scan_id: 'b', problem: { type: 'invalid', title: 'Invalid', status: 422 } }
            : answer(scan.scan_id),
        ),
    });
    for (const id of ['a', 'b', 'c']) await queue.add(told(id));
    queue.resume();
    await settle();
    expect(heard).toEqual(['declined b', 'a', 'c']);
    expect(queue.empty).toBe(true);
  });

  test('is found among those that were refused together', async () => {
    const { receiver } = newServer();
    const { queue, heard } = newQueue({
      ...receiver,
      scans: async (scans) => {
        if (scans.some(({ scan_id }) => scan_id === 'b')) throw refusal(413);
        return scans.map(answered);
      },
    });
    for (const id of ['a', 'b', 'c']) await queue.add(told(id));
    queue.resume();
    await settle();
    expect(heard).toEqual(['a', 'declined b', 'c']);
  });
});

describe('a server that does not take anything now', () => {
  test('is asked again when it said', async () => {
    let calls = 0;
    const { receiver } = newServer(() => {
      calls += 1;
      if (calls === 1) throw new Unreachable(7);
      if (calls === 2) throw refusal(429);
    });
    const { queue } = newQueue(receiver);
    await queue.add(told('a'));
    queue.resume();
    await vi.advanceTimersByTimeAsync(6900);
    expect(calls).toBe(1);
    await vi.advanceTimersByTimeAsync(5000);
    expect(queue.waiting).toBe(0);
  });

  test('loses no scan by being another one, as behind a wrong proxy', async () => {
    const { receiver } = newServer(() => {
      throw refusal(404);
    });
    const { queue } = newQueue(receiver);
    await queue.add(told('a'));
    queue.resume();
    await settle();
    expect(queue.waiting).toBe(1);
  });

  test('is asked no more once the device is revoked', async () => {
    const { receiver } = newServer(() => {
      throw refusal(401);
    });
    const { queue, heard } = newQueue(receiver);
    await queue.add(told('a'));
    queue.resume();
    await settle();
    expect(heard).toEqual(['revoked']);
  });
});
