import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ScanAnswer, ScanRequest } from '../src/contract';
import { ScanQueue } from '../src/gate/queue';
import { Declined, Unreachable } from '../src/http';

const scan = (scan_id: string): ScanRequest => ({
  scan_id,
  number: '7KQ2M9X1',
  direction: 'in',
  scanned_at: '2017-06-12T06:12:00Z',
});

const answer = ({ scan_id }: ScanRequest): ScanAnswer => ({
  scan_id,
  decision: 'admitted',
  reason: 'first_entry',
  participant: null,
  previous: null,
  decided_at: '2017-06-12T08:12:00+02:00',
});

const refusal = (status: number) => new Declined({ type: 'about:blank', title: 'No', status });

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a scan on its way', () => {
  test('is answered at once while the network holds', async () => {
    const queue = new ScanQueue(async (sent) => answer(sent), () => {});
    await expect(queue.add(scan('a'))).resolves.toMatchObject({ scan_id: 'a' });
    expect(queue.waiting).toBe(0);
  });

  test('goes again under the same id until it is answered', async () => {
    const sent: string[] = [];
    let failures = 3;
    const queue = new ScanQueue(
      async (one) => {
        sent.push(one.scan_id);
        if (failures-- > 0) throw new Unreachable();
        return answer(one);
      },
      () => {},
    );
    const answered = queue.add(scan('a'));
    await vi.advanceTimersByTimeAsync(0);
    expect(queue.waiting).toBe(1);
    expect(queue.unreachable).toBe(true);
    await vi.advanceTimersByTimeAsync(500 + 1000 + 2000);
    await expect(answered).resolves.toMatchObject({ scan_id: 'a' });
    expect(sent).toEqual(['a', 'a', 'a', 'a']);
    expect(queue.unreachable).toBe(false);
  });

  test('never overtakes an earlier one', async () => {
    let online = false;
    const arrived: string[] = [];
    const queue = new ScanQueue(
      async (one) => {
        if (!online) throw new Unreachable();
        arrived.push(one.scan_id);
        return answer(one);
      },
      () => {},
    );
    const all = ['a', 'b', 'c'].map((id) => queue.add(scan(id)));
    await vi.advanceTimersByTimeAsync(5000);
    expect(queue.waiting).toBe(3);
    online = true;
    queue.resume();
    await Promise.all(all);
    expect(arrived).toEqual(['a', 'b', 'c']);
  });

  test('that the server will never take does not hold up the next', async () => {
    const queue = new ScanQueue(
      async (one) => {
        if (one.scan_id === 'a') throw refusal(422);
        return answer(one);
      },
      () => {},
    );
    const first = queue.add(scan('a'));
    const second = queue.add(scan('b'));
    await expect(first).rejects.toBeInstanceOf(Declined);
    await expect(second).resolves.toMatchObject({ scan_id: 'b' });
  });

  test('waits as long as an overloaded server asks', async () => {
    let calls = 0;
    const queue = new ScanQueue(
      async (one) => {
        calls += 1;
        if (calls === 1) throw new Unreachable(7);
        if (calls === 2) throw refusal(429);
        return answer(one);
      },
      () => {},
    );
    const answered = queue.add(scan('a'));
    await vi.advanceTimersByTimeAsync(6900);
    expect(calls).toBe(1);
    await vi.advanceTimersByTimeAsync(5000);
    await expect(answered).resolves.toMatchObject({ scan_id: 'a' });
  });
});
