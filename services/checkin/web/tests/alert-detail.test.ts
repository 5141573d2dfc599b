import { describe, expect, test } from 'vitest';
import type { Alert } from '../src/contract';
import { detailOf } from '../src/live/alert-detail';
import ar from '../src/words/ar';
import en from '../src/words/en';
import es from '../src/words/es';
import fr from '../src/words/fr';
import ru from '../src/words/ru';
import zh from '../src/words/zh';
import { MORNING } from './fakes';

function alert(kind: string, detail: string | null, device: string | null = null): Alert {
  const seen = { acknowledged_at: null, acknowledged_by: null };
  return { id: '1', kind, at: MORNING, gate: 'tower-in', device, who: null, detail, ...seen };
}

describe('what an alert tells is in the reader’s language:', () => {
  test.each([
    [en, 'Security hold'],
    [ar, 'منع أمني'],
    [zh, '安保限制'],
    [fr, 'Mesure de sécurité'],
    [ru, 'Запрет охраны'],
    [es, 'Bloqueo de seguridad'],
  ])('the rule that somebody was let in against', (words, told) => {
    expect(detailOf(alert('stopped_badge_admitted', 'blocked'), words)).toBe(told);
  });

  test.each([
    [en, 'Told “Already inside”, logged “First entry”'],
    [fr, 'Affiché « Déjà présent », enregistré « Première entrée »'],
    [ru, 'Показано «Уже внутри», записано «Первый вход»'],
  ])('what an officer was shown, and what the log says', (words, told) => {
    const detail = 'shown refused: already_inside; logged admitted: first_entry';
    expect(detailOf(alert('correction', detail), words)).toBe(told);
  });

  test.each([
    [en, '-7200 s', 'Slow by 2 hours'],
    [en, '+75 s', 'Fast by 75 seconds'],
    [en, '-5400 s', 'Slow by 90 minutes'],
    [en, '+1497484800 s', 'Fast by 17,332 days'],
    [ar, '-7200 s', 'متأخرة، الفارق: ساعتان'],
    [zh, '-7200 s', '慢2小时'],
    [fr, '-7200 s', 'En retard de 2 heures'],
    [ru, '-7200 s', 'Отстают, разница: 2 часа'],
    [es, '+7200 s', 'Adelantado 2 horas'],
  ])('how wrong a clock is', (words, detail, told) => {
    expect(detailOf(alert('clock_off', detail), words)?.replaceAll(/[\u00a0\u202f]/g, ' ')).toBe(
      told.replaceAll(' ', ' '),
    );
  });

  test('how many are inside', () => {
    expect(detailOf(alert('roll_call', '1234'), en)).toBe('Inside now: 1,234');
    expect(detailOf(alert('venue_full', '5000 / 5000'), en)).toBe('5,000 / 5,000');
  });
});

test('what a device is called is not said twice', () => {
  expect(detailOf(alert('gate_silent', 'Lane 1', 'Lane 1'), en)).toBeNull();
  // Called otherwise since.
  expect(detailOf(alert('gate_silent', 'Lane 1', 'Lane 2'), en)).toBe('Lane 1');
});

test('what this page cannot read is shown as it is', () => {
  for (const detail of ['badging.staff', 'shown refused', 'Also at montbrillant', '72 s or so']) {
    expect(detailOf(alert('correction', detail), fr)).toBe(detail);
  }
  expect(detailOf(alert('forged_badge', null), fr)).toBeNull();
});
