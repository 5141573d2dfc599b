import { describe, expect, test } from 'vitest';
import { type Forum, REASONS, type Reason, type ScanAnswer } from '../src/contract';
import { ForumClock } from '../src/forum-clock';
import { mayBeOverridden, type Telling, verdict } from '../src/gate/verdict';
import en from '../src/words/en';
import fr from '../src/words/fr';
import { badge } from './fakes';

const forum: Forum = {
  name: { en: 'WSIS Forum 2017' },
  timezone: 'Europe/Zurich',
  rehearsal: true,
  now: '2017-06-12T08:00:00+02:00',
  days: ['2017-06-12'],
  closes: '20:00:00',
  categories: [],
  gates: [
    { id: 'tower-in', names: { en: 'Tower in' }, zone: 'venue', direction: 'in', entrance: 'tower' },
    { id: 'popov', names: { en: 'Popov Room in' }, zone: 'popov', direction: 'in', entrance: 'popov' },
  ],
  entrances: [{ id: 'tower', name: { en: 'Tower', fr: 'Tour' } }],
  zones: [
    {
      id: 'venue',
      name: { en: 'Venue', fr: 'Site' },
      bit: 0,
      capacity: 2500,
      scan_out: true,
      anti_passback: true,
    },
    {
      id: 'popov',
      name: { en: 'Popov Room', fr: 'Salle Popov' },
      bit: 1,
      capacity: null,
      scan_out: false,
      anti_passback: false,
    },
  ],
  venue: { name: { en: 'ITU' }, limit: 2500 },
};

const telling = (language: 'en' | 'fr'): Telling => ({
  words: { en, fr }[language],
  language,
  forum,
  clock: new ForumClock(0, forum.timezone),
  gate: 'tower-in',
});

function answer(reason: Reason, changes: Partial<ScanAnswer> = {}): ScanAnswer {
  return {
    scan_id: '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
    decision: 'refused',
    reason,
    participant: null,
    previous: null,
    decided_at: '2017-06-12T09:00:00+02:00',
    ...changes,
  };
}

const seenAtTower = {
  previous: {
    scan_id: '017f22e2-79b0-7cc3-98c4-dc0c0c073980',
    at: '2017-06-12T06:12:00Z',
    gate: 'tower-in',
    entrance: 'tower',
    direction: 'in' as const,
  },
};

describe('the answer in the officer’s words', () => {
  test('says since when and where somebody is inside', () => {
    const already = answer('already_inside', seenAtTower);
    expect(verdict(already, telling('en'))).toEqual({
      tone: 'refused',
      word: 'Refused',
      sentence: 'Already inside since 08:12, Tower entrance',
    });
    expect(verdict(already, telling('fr')).sentence).toBe(
      'Déjà à l’intérieur depuis 08:12, entrée Tour',
    );
  });

  test('names the zone that is closed to the badge', () => {
    expect(verdict(answer('zone_full'), telling('en')).sentence).toBe('Full: Venue');
    expect(verdict(answer('zone_not_allowed'), telling('fr')).sentence).toBe(
      'Ce badge ne donne pas accès à : Site',
    );
  });

  test('tells leaving from entering', () => {
    const left = answer('departed', { decision: 'admitted' });
    expect(verdict(left, telling('en'))).toMatchObject({ tone: 'departed', word: 'Left' });
    const entered = answer('first_entry', { decision: 'admitted' });
    expect(verdict(entered, telling('en'))).toMatchObject({ tone: 'admitted', word: 'Admitted' });
  });

  test('names the room that was left, if it is not the venue', () => {
    const left = answer('departed', { decision: 'admitted' });
    const atRoom = { ...telling('en'), gate: 'popov' };
    expect(verdict(left, telling('en')).sentence).toBe('Has left the venue');
    expect(verdict(left, atRoom).sentence).toBe('Has left: Popov Room');
    expect(verdict(left, { ...telling('fr'), gate: 'popov' }).sentence).toBe(
      'A quitté\u00a0: Salle Popov',
    );
    // Of a gate that is no more
    expect(verdict(left, { ...atRoom, gate: 'garden' }).sentence).toBe('Has left the venue');
  });

  test('has a sentence for every reason in every language', () => {
    for (const reason of REASONS) {
      for (const language of ['en', 'fr'] as const) {
        expect(verdict(answer(reason), telling(language)).sentence.length).toBeGreaterThan(5);
      }
    }
  });

  test('shows what it does not know under its own id', () => {
    const elsewhere = { previous: { ...seenAtTower.previous, entrance: 'garden' } };
    expect(verdict(answer('already_inside', elsewhere), telling('en')).sentence).toBe(
      'Already inside since 08:12, garden entrance',
    );
  });
});

describe('to admit in spite of a refusal', () => {
  const refused = (reason: Reason) => answer(reason, { participant: badge() });

  test.each(['not_valid_today', 'zone_not_allowed', 'already_inside', 'zone_full'] as const)(
    'is offered where it is possible: %s',
    (reason) => {
      expect(mayBeOverridden(refused(reason))).toBe(true);
      expect(mayBeOverridden(answer(reason, { decision: 'admitted' }))).toBe(false);
    },
  );

  test.each(['blocked', 'revoked', 'superseded', 'cancelled', 'bad_signature'] as const)(
    'is not offered where nobody can: %s',
    (reason) => expect(mayBeOverridden(refused(reason))).toBe(false),
  );
});
