/** What the service worker keeps: the built files of the gate, listed as they are built. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, Rolldown } from 'vite';

type Bundle = Rolldown.OutputBundle;

/** However the minifier quotes it. */
const PLACE = /JSON\.parse\(.__PRECACHE__.\)/;
/** Where check-in serves the page; everything else is served under Vite's base. */
const PAGE = '/checkin/gate/';

export const WORKER = 'gate-worker.js';

/** Sources in, a short digest out: the version of what is built from them. */
export function versionOf(folder: string, sources: readonly string[]): string {
  const digest = createHash('sha256');
  for (const file of sources.flatMap((source) => filesIn(join(folder, source)))) {
    digest.update(readFileSync(file));
  }
  return digest.digest('hex').slice(0, 12);
}

/** Writes the list of files into the service worker. */
export function precache(version: string): Plugin {
  let base = '/';
  let publicFolder = '';
  return {
    name: 'forumpass-precache',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      base = config.base;
      publicFolder = config.publicDir;
    },
    generateBundle(_, bundle) {
      const worker = bundle[WORKER];
      if (worker?.type !== 'chunk') throw new Error(`${WORKER} is not built`);
      const built = [...builtFor('gate.html', bundle)].map((name) => base + name);
      const icons = filesIn(publicFolder).map((file) => base + file.slice(publicFolder.length + 1));
      const list = JSON.stringify({ version, page: PAGE, files: [...built, ...icons].sort() });
      const code = worker.code.replace(PLACE, list);
      if (code === worker.code) throw new Error(`${WORKER} has no place for the list of files`);
      worker.code = code;
    },
  };
}

/** All that belongs to a page: everything but the pages and what only the other entries load. */
function builtFor(page: string, bundle: Bundle): Set<string> {
  const entries = Object.values(bundle).filter(
    (file): file is Rolldown.OutputChunk => file.type === 'chunk' && file.isEntry,
  );
  const wanted = new Set<string>();
  const others = new Set<string>();
  for (const entry of entries) {
    reach(entry.fileName, bundle, entry.facadeModuleId?.endsWith(page) ? wanted : others);
  }
  const left = Object.keys(bundle).filter(
    (name) => !name.endsWith('.html') && !name.endsWith('.map') && !others.has(name),
  );
  return new Set([...wanted, ...left]);
}

function reach(name: string, bundle: Bundle, found: Set<string>): void {
  const file = bundle[name];
  if (!file || found.has(name)) return;
  found.add(name);
  if (file.type !== 'chunk') return;
  for (const needed of [...file.imports, ...file.dynamicImports]) reach(needed, bundle, found);
  for (const needed of file.viteMetadata?.importedCss ?? []) found.add(needed);
  for (const needed of file.viteMetadata?.importedAssets ?? []) found.add(needed);
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
}
