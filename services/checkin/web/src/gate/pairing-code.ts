/** The code in what a lead shows: a link ending in #code=…, as QR or pasted, or the code alone. */
export function pairingCode(text: string): string | null {
  const trimmed = text.trim();
  const fragment = trimmed.split('#')[1];
  if (fragment !== undefined) return new URLSearchParams(fragment).get('code') || null;
  if (trimmed.includes('/')) return null;
  return trimmed.replace(/\s/g, '') || null;
}
