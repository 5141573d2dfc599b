import 'fake-indexeddb/auto';
import { beforeEach, expect, test } from 'vitest';
import type { Mark, Marks } from '../src/contract';
import { wipePeople } from '../src/gate/database';
import { type RollCall, Ticks } from '../src/gate/ticks';
import { Unreachable } from '../src/http';
import { ADA } from './fakes';

const GRACE = 'grace';
const DAY = '2017-06-12';

/** A server with a roll call, which can be cut off. */
class Server implements RollCall {
  reachable = true;
  call: string | null = 'call';
  readonly states = new Map<string, Mark['state']>();

  async marks(): Promise<Marks> {
    this.#answer();
    const mark = (state: Mark['state']): Mark => ({ state, marked_at: null, marked_by: null });
    const people = Object.fromEntries([...this.states].map(([id, state]) => [id, mark(state)]));
    const roll_call = this.call === null ? null : { id: this.call };
    return { roll_call, missing: 0, found: 0, left: 0, people };
  }

  async mark(id: string, isFound: boolean): Promise<void> {
    this.#answer();
    this.states.set(id, isFound ? 'found' : 'missing');
  }

  #answer(): void {
    if (!this.reachable) throw new Unreachable();
  }
}

let server: Server;

beforeEach(async () => {
  await wipePeople();
  server = new Server();
});

async function opened(): Promise<Ticks> {
  const ticks = new Ticks(DAY, server);
  await ticks.recall();
  await ticks.look();
  return ticks;
}

test('a tick goes to the server at once, and so does taking it away', async () => {
  const ticks = await opened();
  expect(ticks.reach).toBe('now');
  await ticks.tick(ADA);
  expect(server.states.get(ADA)).toBe('found');
  await ticks.tick(ADA);
  expect(server.states.get(ADA)).toBe('missing');
  expect(ticks.found.size).toBe(0);
});

test('whom others have found or who went out is ticked here', async () => {
  const ticks = await opened();
  server.states.set(ADA, 'found');
  server.states.set(GRACE, 'left');
  await ticks.look();
  expect([...ticks.found]).toEqual([ADA, GRACE]);
});

test('a tick made without a network is kept, and goes when there is one', async () => {
  server.reachable = true;
  await opened();
  server.reachable = false;
  const ticks = await opened();
  expect(ticks.reach).toBe('later');
  await ticks.tick(ADA);
  expect(ticks.found.has(ADA)).toBe(true);
  const reloaded = await opened();
  expect(reloaded.found.has(ADA)).toBe(true);
  server.reachable = true;
  await reloaded.look();
  expect(server.states.get(ADA)).toBe('found');
  expect(reloaded.reach).toBe('now');
});

test('whoever is looked for again is not found by a tick from before', async () => {
  const ticks = await opened();
  server.reachable = false;
  await ticks.tick(ADA);
  server.reachable = true;
  server.states.set(ADA, 'missing');
  await ticks.look();
  expect(ticks.found.has(ADA)).toBe(false);
  expect(server.states.get(ADA)).toBe('missing');
});

test('without a roll call ticks stay on the device', async () => {
  server.call = null;
  const ticks = await opened();
  expect(ticks.reach).toBe('never');
  await ticks.tick(ADA);
  await ticks.look();
  expect(ticks.found.has(ADA)).toBe(true);
  expect(server.states.size).toBe(0);
});

test('ticks made while the roll call is about to begin count in it, those of an earlier one do not', async () => {
  server.call = null;
  const ticks = await opened();
  await ticks.tick(ADA);
  server.call = 'first';
  await ticks.look();
  expect(server.states.get(ADA)).toBe('found');
  server.reachable = false;
  await ticks.tick(GRACE);
  server.reachable = true;
  server.call = 'second';
  server.states.clear();
  await ticks.look();
  expect(server.states.size).toBe(0);
  expect(ticks.found.size).toBe(0);
});
