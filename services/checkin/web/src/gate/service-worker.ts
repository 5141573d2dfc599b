/**
 * Keeps the gate's own files, so that it opens without a network. It never touches what the gate
 * asks of the server: that is the app's business.
 */

interface Build {
  /** A digest of all the files */
  readonly version: string;
  readonly page: string;
  readonly files: readonly string[];
}

const worker = self as unknown as ServiceWorkerGlobalScope;
// Filled in by precache.ts at build time.
const build = JSON.parse('__PRECACHE__') as Build;

const PREFIX = 'forumpass-gate-';
const CACHE = PREFIX + build.version;
const kept = new Set<string>([build.page, ...build.files]);

worker.addEventListener('install', (event) => event.waitUntil(fill()));
worker.addEventListener('activate', (event) => event.waitUntil(takeOver()));
worker.addEventListener('message', ({ data }) => {
  if (data === 'take over') void worker.skipWaiting();
});
worker.addEventListener('fetch', (event) => {
  const path = pathOf(event.request);
  if (path !== null) event.respondWith(answer(path, event.request));
});

async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  // Past the browser's own cache, which may hold an older page under the same address.
  await cache.addAll([...kept].map((path) => new Request(path, { cache: 'reload' })));
}

async function takeOver(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await worker.clients.claim();
}

/** Under which address a request's answer is kept, if it is. */
function pathOf({ method, mode, url }: Request): string | null {
  const { origin, pathname } = new URL(url);
  if (method !== 'GET' || origin !== worker.location.origin) return null;
  if (mode === 'navigate') return pathname === build.page ? pathname : null;
  return kept.has(pathname) ? pathname : null;
}

async function answer(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}
