import { expect, test } from 'vitest';
import ar from '../src/words/ar';
import en, { type Words } from '../src/words/en';
import es from '../src/words/es';
import fr from '../src/words/fr';
import ru from '../src/words/ru';
import zh from '../src/words/zh';

// Not valid today, says the control room of today: the report has many days.
const OF_TODAY = 'not_valid_today';

const catalogues = import.meta.glob<string>('../../locale/*/LC_MESSAGES/messages.po', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** The translations of check-in's pages and its report. */
function catalogue(code: string): Map<string, string> {
  const text = catalogues[`../../locale/${code}/LC_MESSAGES/messages.po`] ?? '';
  const pairs = text.matchAll(/^msgid "(.+)"\nmsgstr "(.+)"$/gm);
  return new Map([...pairs].map(([, text = '', translation = '']) => [text, translation]));
}

function shared({ live }: Words): Record<string, string> {
  const { [OF_TODAY]: _, ...reasons } = live.refusalReasons;
  return { ...live.genders, ...live.regions, ...reasons };
}

test.each(Object.entries({ ar, es, fr, ru, zh }))(
  'the control room and the report have the same words in %s',
  (code, words) => {
    const translations = catalogue(code);
    const expected = Object.entries(shared(en)).map(([id, text]) => [id, translations.get(text)]);
    expect(shared(words)).toEqual(Object.fromEntries(expected));
  },
);
