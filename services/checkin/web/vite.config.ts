import { defineConfig } from 'vite';

export default defineConfig({
  base: '/checkin/web/',
  build: {
    // An engine of 2022 runs on the phones that officers bring; older ones lack wake lock and more.
    target: ['chrome100', 'safari15.4', 'firefox100'],
    rolldownOptions: { input: ['gate.html', 'live.html'] },
    // The decoder's WASM must stay a file: the pages' content security policy allows no data: URLs.
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
});
