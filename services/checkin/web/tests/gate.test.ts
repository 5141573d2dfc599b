import { describe, expect, test } from 'vitest';
import { Copy } from '../src/gate/copy';
import { corrects } from '../src/gate/correction';
import { find, fold, stopOf } from '../src/gate/people';
import { linkOf } from '../src/gate/status';
import { answer, badge, changes, inside } from './fakes';

describe('what the server says later', () => {
  const told = answer('a');

  test('corrects another decision, or another reason to refuse', () => {
    const refused = answer('a', { decision: 'refused', reason: 'already_inside' });
    expect(corrects(refused, told)).toBe(true);
    expect(corrects(told, refused)).toBe(true);
    expect(corrects({ ...refused, reason: 'blocked' }, refused)).toBe(true);
    expect(corrects(refused, refused)).toBe(false);
  });

  test('corrects an admission that another gate had made before', () => {
    expect(corrects(answer('a', { conflict: 'already_inside' }), told)).toBe(true);
    expect(corrects(answer('a', { conflict: null }), told)).toBe(false);
  });

  test('does not bother anybody with a first entry that was the second', () => {
    expect(corrects(answer('a', { reason: 'reentry' }), told)).toBe(false);
  });
});

describe('the status line', () => {
  const now = new Date('2017-06-12T12:00:00Z');
  const before = (minutes: number) => new Date(now.getTime() - minutes * 60_000);

  test.each([
    ['all is well', null, 1, { kind: 'online' }],
    ['no copy has come yet', null, null, { kind: 'online' }],
    ['the copy does not come although the server answers', null, 16, { kind: 'old', minutes: 16 }],
    ['the network is gone', before(78), 79, { kind: 'offline', since: before(78) }],
    ['it was switched on without a network the next morning', before(900), 900, {
      kind: 'old',
      minutes: 900,
    }],
  ])('when %s', (_, offlineSince, age, expected) => {
    const copiedAt = age === null ? null : before(age);
    expect(linkOf({ now, offlineSince, copiedAt })).toEqual(expected);
  });
});

describe('somebody without a badge in hand', () => {
  const copy = new Copy();
  copy.apply(
    changes({
      badges: [
        badge(),
        badge({
          badge_id: 'b1',
          registration_id: 'zoe',
          number: '0000-0001',
          given_name: 'Zoë',
          family_name: 'Müller-Østergård',
          status: 'superseded',
        }),
        badge({
          badge_id: 'b2',
          registration_id: 'zoe',
          number: '0000-0012',
          given_name: 'Zoë',
          family_name: 'Müller-Østergård',
        }),
      ],
    }),
    0,
  );
  const names = (query: string) =>
    find(copy, query, () => undefined).map(({ given_name, badge_id }) => [given_name, badge_id]);

  test.each(['zoe', 'ZOË', 'ostergard zo', 'muller', 'gård'])('is found by %s', (query) => {
    expect(names(query)).toEqual([['Zoë', 'b2']]);
  });

  test('is found by the badge’s number', () => {
    expect(names('7kq2 m9x1')).toEqual([['Ada', badge().badge_id]]);
  });

  test('is not found by one letter, nor by another name', () => {
    expect(names('z')).toEqual([]);
    expect(names('zoe lovelace')).toEqual([]);
  });

  test('comes first when a name begins with what was typed', () => {
    const lovely = badge({ badge_id: 'b3', registration_id: 'x', family_name: 'Slove' });
    copy.apply(changes({ full: false, badges: [lovely] }), 0);
    expect(names('love').map(([, id]) => id)).toEqual([badge().badge_id, 'b3']);
  });

  test.each(['王', '王伟', '伟 王'])('is found by %s, which has no blank between names', (query) => {
    const wei = badge({
      badge_id: 'b4',
      registration_id: 'wei',
      given_name: '伟',
      family_name: '王',
    });
    copy.apply(changes({ full: false, badges: [wei] }), 0);
    expect(names(query)).toEqual([['伟', 'b4']]);
    expect(names('李')).toEqual([]);
  });

  test('is shown inside or not', () => {
    const [ada] = find(copy, 'lovelace', () => inside());
    expect(ada).toMatchObject({ inside: true, entrance: 'varembe' });
  });

  test('is known to be stopped before they are let in by number', () => {
    expect(stopOf(badge())).toBeNull();
    expect(stopOf(badge({ blocked: true }))).toBe('blocked');
    expect(stopOf(badge({ status: 'revoked' }))).toBe('revoked');
    // As the rules at the gate have it.
    expect(stopOf(badge({ status: 'cancelled', blocked: true }))).toBe('cancelled');
  });

  test('has a name in any alphabet', () => {
    expect(fold("Đặng  O'Neil-Straße")).toBe('dang oneil strasse');
    expect(fold('محمد')).toBe('محمد');
    expect(fold('Ёлкина')).toBe('елкина');
  });
});
