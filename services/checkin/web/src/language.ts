import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { countryName } from './countries';
import { numberFormat } from './formats';
import en, { type Words } from './words/en';

const catalogues = Object.fromEntries(
  Object.entries(import.meta.glob<Words>('./words/*.ts', { eager: true, import: 'default' })).map(
    ([path, words]) => [path.slice('./words/'.length, -'.ts'.length), words],
  ),
);

/** The server's pages keep the choice there too (shared/pages.py): it is one for all of them. */
const COOKIE = 'lang';
const A_YEAR = 365 * 24 * 3600;

/** The codes of the languages there are, with their own names. */
export const languages: readonly (readonly [code: string, name: string])[] = Object.entries(
  catalogues,
).map(([code, words]) => [code, words.language]);

function chosen(): string {
  return new RegExp(`(?:^|; )${COOKIE}=(\\w+)`).exec(document.cookie)?.[1] ?? '';
}

function preferred(): string {
  const wanted = [chosen(), ...navigator.languages];
  const codes = wanted.map((tag) => tag.toLowerCase().split('-')[0] ?? '');
  return codes.find((code) => code in catalogues) ?? 'en';
}

let current = preferred();
const readers = new Set<ReactiveControllerHost>();

function announce(): void {
  document.documentElement.lang = current;
  document.documentElement.dir = catalogues[current]?.direction ?? 'ltr';
  for (const reader of readers) reader.requestUpdate();
}

export function speak(code: string): void {
  current = code;
  document.cookie = `${COOKIE}=${code}; path=/; max-age=${A_YEAR}; samesite=lax`;
  announce();
}

announce();

/** Gives a component its words, and renders it anew when the language changes. */
export class Language implements ReactiveController {
  constructor(readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostConnected(): void {
    readers.add(this.host);
  }

  hostDisconnected(): void {
    readers.delete(this.host);
  }

  get code(): string {
    return current;
  }

  get words(): Words {
    return catalogues[current] ?? en;
  }

  country(alpha2: string): string {
    return countryName(alpha2, current, this.words.locale);
  }

  number(n: number): string {
    return numberFormat(this.words.locale).format(n);
  }

  share(part: number, whole: number): string {
    const ratio = whole > 0 ? part / whole : 0;
    return numberFormat(this.words.locale, { style: 'percent' }).format(ratio);
  }
}
