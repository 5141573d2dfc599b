import ofTheUnitedNations from '../../../../shared/web/country_names.json';
import type { Text } from './contract';
import { regionNames } from './formats';

const names: Readonly<Record<string, Text>> = ofTheUnitedNations;

/** As the United Nations calls it, as on the badge; else by the browser's own list. */
export function countryName(alpha2: string, language: string, locale: string): string {
  const name = names[alpha2]?.[language];
  if (name) return name;
  try {
    return regionNames(locale).of(alpha2) ?? alpha2;
  } catch {
    // A code of another form than alpha-2 has no name: show what came.
    return alpha2;
  }
}
