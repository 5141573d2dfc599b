/** The service worker, which opens the app without a network, and its newer versions. */

const SCRIPT = '/checkin/gate/sw.js';
const SCOPE = '/checkin/gate/';
const LOOK_EVERY_MS = 10 * 60_000;
const ASK_EVERY_MS = 5000;

/** Registers the worker; a newer version takes over as soon as `idle` says that nothing is on. */
export function takeOverWhen(idle: () => boolean): void {
  // In development Vite serves the files, and none of them would ever change.
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  void register(idle).catch(() => {
    // Without TLS, or in a private window, there is none: the app then needs the network to open.
  });
}

async function register(idle: () => boolean): Promise<void> {
  const workers = navigator.serviceWorker;
  const replaces = workers.controller !== null;
  const registration = await workers.register(SCRIPT, { scope: SCOPE, updateViaCache: 'none' });
  workers.addEventListener('controllerchange', () => {
    // The first one takes over a page that is of its own version already.
    if (replaces) location.reload();
  });
  setInterval(() => void registration.update().catch(() => {}), LOOK_EVERY_MS);
  setInterval(() => {
    if (replaces && registration.waiting && idle()) registration.waiting.postMessage('take over');
  }, ASK_EVERY_MS);
}
