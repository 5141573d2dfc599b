import { describe, expect, test } from 'vitest';
import vectors from '../../../../tests/vectors/credential.json';
import { Copy } from '../src/gate/copy';
import { answerLocally, occupancy, type Question } from '../src/gate/local-decision';
import type { Step } from '../src/gate/presence';
import { ADA, badge, changes, inside, MORNING, passage, RULES, TOWER } from './fakes';

function copyOf(...[some]: Parameters<typeof changes>): Copy {
  const copy = new Copy();
  copy.apply(changes({ badges: [badge()], ...some }), 0);
  return copy;
}

function ask(copy: Copy, question: Partial<Question> = {}, steps: readonly Step[] = []) {
  return answerLocally(RULES, copy, steps, {
    scanId: 'new',
    presented: { number: '7KQ2M9X1' },
    gate: TOWER,
    direction: 'in',
    at: new Date(MORNING),
    override: false,
    ...question,
  });
}

describe('a device without a network', () => {
  test('admits whom its copy knows, and says who it is', async () => {
    expect(await ask(copyOf())).toMatchObject({
      scan_id: 'new',
      decision: 'admitted',
      reason: 'first_entry',
      participant: { given_name: 'Ada', number: '7KQ2-M9X1' },
      previous: null,
    });
  });

  test('refuses a second entry, and says where the first was', async () => {
    expect(await ask(copyOf({ presence: [inside()] }))).toMatchObject({
      decision: 'refused',
      reason: 'already_inside',
      previous: { gate: 'varembe-in', entrance: 'varembe' },
    });
  });

  test('lets nobody’s stay of yesterday keep them out', async () => {
    const yesterday = inside({ session: '2017-06-11', last_entry_day: '2017-06-11' });
    expect(await ask(copyOf({ presence: [yesterday] }))).toMatchObject({ reason: 'first_entry' });
  });

  test('remembers whom it let in itself, and out again', async () => {
    const entered = passage();
    const left = passage({ direction: 'out', at: '2017-06-12T06:40:00Z' });
    expect(await ask(copyOf(), {}, [entered])).toMatchObject({
      reason: 'already_inside',
      previous: { at: '2017-06-12T06:30:00Z', gate: 'tower-in' },
    });
    expect(await ask(copyOf(), {}, [entered, left])).toMatchObject({ reason: 'reentry' });
  });

  test('takes an undone entry for none', async () => {
    const undone: Step = {
      kind: 'taken-back',
      registrationId: ADA,
      zone: 'venue',
      direction: 'in',
      first: true,
    };
    expect(await ask(copyOf(), {}, [passage(), undone])).toMatchObject({ reason: 'first_entry' });
    const entered = copyOf({ presence: [inside()] });
    expect(await ask(entered, {}, [{ ...undone, first: false }])).toMatchObject({
      reason: 'reentry',
    });
  });

  test('keeps zones apart', async () => {
    const room = { ...TOWER, id: 'room-in', zone: 'room' };
    const both = copyOf({ badges: [badge({ zones: 0b11 })], presence: [inside()] });
    expect(await ask(both, { gate: room })).toMatchObject({ reason: 'first_entry' });
    const again = [passage({ zone: 'room' })];
    expect(await ask(both, { gate: room }, again)).toMatchObject({ reason: 'reentry' });
  });

  test('counts those it let in towards the limit', async () => {
    const others = ['bob', 'eve'].map((registrationId) => passage({ registrationId }));
    expect(await ask(copyOf(), {}, others)).toMatchObject({ reason: 'zone_full' });
    const copy = copyOf({ presence: [inside({ registration_id: 'bob' })] });
    expect(occupancy(RULES, copy, others, 'venue', '2017-06-12')).toBe(2);
    const left = passage({ registrationId: 'bob', direction: 'out' });
    expect(occupancy(RULES, copy, [...others, left], 'venue', '2017-06-12')).toBe(1);
    expect(occupancy(RULES, copy, others, 'venue', '2017-06-13')).toBe(0);
  });

  test('refuses badges that the copy has stopped, or does not know', async () => {
    expect(await ask(copyOf({ badges: [badge({ status: 'revoked' })] }))).toMatchObject({
      reason: 'revoked',
    });
    expect(await ask(copyOf({ badges: [badge({ blocked: true })] }))).toMatchObject({
      reason: 'blocked',
    });
    expect(await ask(copyOf({ badges: [] }))).toMatchObject({ reason: 'unknown_badge' });
    expect(await ask(copyOf(), { presented: { number: '7KQ2M9X2' } })).toMatchObject({
      reason: 'malformed',
    });
  });

  test('can’t tell before it has heard of anything', async () => {
    expect(await ask(new Copy())).toBeNull();
  });
});

describe('a signed badge', () => {
  const { good, keys } = credentials();

  test('is checked before its holder is looked up', async () => {
    const copy = copyOf({ keys, badges: [badge({ badge_id: good.badgeId })] });
    const admitted = await ask(copy, { presented: { credential: good.text } });
    expect(admitted).toMatchObject({ reason: 'first_entry', participant: { given_name: 'Ada' } });
    const noKeys = copyOf({ badges: [badge({ badge_id: good.badgeId })] });
    const forged = await ask(noKeys, { presented: { credential: good.text } });
    expect(forged).toMatchObject({ reason: 'bad_signature', participant: null });
    const unread = await ask(copy, { presented: { credential: 'https://example.org' } });
    expect(unread).toMatchObject({ reason: 'malformed' });
  });

  test('that the copy does not know is refused', async () => {
    const known = await ask(copyOf({ keys }), { presented: { credential: good.text } });
    expect(known).toMatchObject({ decision: 'refused', reason: 'unknown_badge' });
  });

  test('speaks for itself while there is no copy yet, only keys', async () => {
    const copy = new Copy();
    copy.head = { ...copy.head, keys };
    const admitted = await ask(copy, { presented: { credential: good.text } });
    expect(admitted).toMatchObject({ decision: 'admitted', participant: null });
  });
});

function credentials() {
  const vector = vectors.credentials.find(({ expected }) => typeof expected !== 'string');
  if (!vector || typeof vector.expected === 'string') throw new Error('no good credential');
  return {
    keys: vectors.keys,
    good: { text: vector.text, badgeId: vector.expected.badge_id },
  };
}
