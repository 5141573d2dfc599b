/** Keeps the screen lit while the gate is open; the browser lets go whenever the page is hidden. */
export async function keepAwake(): Promise<void> {
  if (!('wakeLock' in navigator) || document.visibilityState !== 'visible') return;
  try {
    await navigator.wakeLock.request('screen');
  } catch {
    // A battery saver may refuse. Scanning goes on; the phone's own timeout then applies.
  }
}
