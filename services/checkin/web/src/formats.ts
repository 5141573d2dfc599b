/** Ways to write times, numbers and countries, each made once: that takes a thousandfold its use. */

const times = new Map<string, Intl.DateTimeFormat>();
const numbers = new Map<string, Intl.NumberFormat>();
const regions = new Map<string, Intl.DisplayNames>();

export function timeFormat(
  locale: string,
  options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
  return kept(times, key(locale, options), () => new Intl.DateTimeFormat(locale, options));
}

export function numberFormat(
  locale: string,
  options: Intl.NumberFormatOptions = {},
): Intl.NumberFormat {
  return kept(numbers, key(locale, options), () => new Intl.NumberFormat(locale, options));
}

export function regionNames(locale: string): Intl.DisplayNames {
  return kept(regions, locale, () => new Intl.DisplayNames(locale, { type: 'region' }));
}

function key(locale: string, options: object): string {
  return `${locale} ${JSON.stringify(options)}`;
}

function kept<Format>(made: Map<string, Format>, name: string, make: () => Format): Format {
  const format = made.get(name) ?? make();
  made.set(name, format);
  return format;
}
