/** The code in what a lead shows: a link ending in #code=…, as QR or pasted, or the code alone. */
export function pairingCode(text: string): string | null {
  const trimmed = text.trim();
  const fragment = trimmed.split('#')[1];
  if (fragment !== undefined) {
    // A handheld scanner may have put it in capitals.
    return new URLSearchParams(fragment.replace(/^code=/i, 'code=')).get('code') || null;
  }
  if (trimmed.includes('/')) return null;
  return trimmed.replace(/\s/g, '') || null;
}

/** Whether it is the link that pairs a device, which is no badge: it may still be held up. */
export function isPairingLink(text: string): boolean {
  return /\/checkin\/gate\/?#code=/i.test(text);
}
