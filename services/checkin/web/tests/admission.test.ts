import { describe, expect, test } from 'vitest';
import vectors from '../../../../tests/vectors/admission.json';
import { dayOf } from '../src/forum-days';
import { decide, type Scan, sessionOf } from '../src/gate/admission';

type Told = Omit<Scan, 'today'> & { readonly name: string; readonly at: string };

const { forum, sessions } = vectors;
const decisions = vectors.decisions.map((vector) => ({
  scan: vector as Told,
  expected: vector.expected,
}));

describe('the rules at the gate', () => {
  test.each(decisions)('$scan.name', ({ scan, expected }) => {
    const today = dayOf(forum.timezone, new Date(scan.at));
    expect(decide(forum, { ...scan, today })).toEqual(expected);
  });

  test('know only the zones of the forum', () => {
    const scan = decisions[0]?.scan as Told;
    expect(() => decide(forum, { ...scan, zone: 'garden', today: '2017-06-12' })).toThrow('garden');
  });
});

describe('a moment', () => {
  test.each(sessions)('$name', ({ at, expected }) => {
    const moment = new Date(at);
    expect({
      day: dayOf(forum.timezone, moment),
      session: sessionOf(forum, moment),
    }).toEqual(expected);
  });
});
