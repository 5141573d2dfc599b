import { defineConfig } from 'vite';
import { precache, versionOf, WORKER } from './precache.ts';

const version = versionOf(import.meta.dirname, [
  'gate.html',
  'package.json',
  'public',
  'src',
  '../../../shared/web/country_names.json',
]);

/** What is asked for from outside of what is built here. */
const STABLE: Record<string, string> = {
  // The browser looks for a newer worker under the address of the old one.
  'service-worker': WORKER,
  // The server's own page names it.
  'roll-call': 'roll-call.js',
};

export default defineConfig({
  base: '/checkin/web/',
  define: { __APP_VERSION__: JSON.stringify(version) },
  plugins: [precache(version)],
  build: {
    // An engine of 2022 runs on the phones that officers bring; older ones lack wake lock and more.
    target: ['chrome100', 'safari15.4', 'firefox100'],
    rolldownOptions: {
      input: ['gate.html', 'live.html', 'src/gate/service-worker.ts', 'src/roll-call/roll-call.ts'],
      output: {
        entryFileNames: ({ name }) => STABLE[name] ?? 'assets/[name]-[hash].js',
      },
    },
    // The decoder's WASM must stay a file: the pages' content security policy allows no data: URLs.
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
});
