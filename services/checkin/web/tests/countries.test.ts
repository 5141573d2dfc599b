import { expect, test } from 'vitest';
import { countryName } from '../src/countries';

test.each([
  ['KP', 'en', 'en-GB', 'Democratic People’s Republic of Korea'],
  ['PS', 'fr', 'fr', 'État de Palestine'],
  ['RU', 'es', 'es', 'Federación de Rusia'],
  ['VN', 'zh', 'zh-CN', '越南'],
  ['BY', 'ru', 'ru', 'Беларусь'],
  ['VA', 'ar', 'ar', 'الكرسي الرسولي'],
  ['FR', 'ru', 'ru', 'Франция'],
])('%s is called in %s as the United Nations calls it', (code, language, locale, name) => {
  expect(countryName(code, language, locale)).toBe(name);
});

test('a code without a name is shown as it is', () => {
  expect(countryName('', 'en', 'en-GB')).toBe('');
  expect(countryName('X1', 'en', 'en-GB')).toBe('X1');
});
