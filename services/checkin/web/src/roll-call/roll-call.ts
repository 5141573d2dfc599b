/**
 * What the page of a roll call does beyond the server's: marks without a reload, everybody else's
 * marks within seconds, and a search by name. Without it all is there, by reloading.
 */

import type { Mark, Marks } from '../contract';

const LOOK_MS = 3000;
const PATIENCE_MS = 8000;
const ADDRESS = '/checkin/api/evacuation/marks';
const NOT_MARKED: Mark = { state: 'missing', marked_at: null, marked_by: null };

/** Whose call the page shows, and of how many people; no number where it shows some only. */
const shown = document.querySelector<HTMLElement>('script[data-call]')?.dataset ?? {};
const rows = new Map(
  [...document.querySelectorAll<HTMLElement>('.roll > li')].map(
    (row) => [row.id.replace('person-', ''), row] as const,
  ),
);

async function look(): Promise<void> {
  const answer = await fetch(ADDRESS, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) return;
  const marks = (await answer.json()) as Marks;
  const people = marks.missing + marks.found + marks.left;
  // Somebody may turn out to have been inside: a gate without network tells of it late.
  if (marks.roll_call?.id !== shown['call'] || people !== Number(shown['people'] ?? people)) {
    location.reload();
    return;
  }
  show(marks);
}

function show(marks: Marks): void {
  for (const state of ['missing', 'found', 'left'] as const) {
    const count = document.querySelector(`[data-count="${state}"]`);
    if (count) count.textContent = marks[state].toLocaleString(document.documentElement.lang);
  }
  for (const [id, row] of rows) showMark(row, marks.people[id] ?? NOT_MARKED);
}

function showMark(row: HTMLElement, mark: Mark): void {
  row.dataset['state'] = mark.state;
  const by = row.querySelector('.by');
  if (!by) return;
  const at = mark.marked_at?.slice(11, 16);
  const name = document.createElement('bdi');
  name.textContent = mark.marked_by;
  by.replaceChildren(...(at ? [name, `, ${at}`] : []));
}

async function mark(event: SubmitEvent): Promise<void> {
  const form = event.target as HTMLFormElement;
  const row = form.closest<HTMLElement>('.roll > li');
  if (!row) return;
  event.preventDefault();
  const { pathname } = new URL(form.action);
  const path = pathname.replace('/checkin/evacuation/', '/checkin/api/evacuation/');
  try {
    const answer = await fetch(path, {
      method: 'POST',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!answer.ok) throw new Error(answer.statusText);
    await look();
    row.querySelector<HTMLElement>('form:not([hidden]) button')?.focus();
  } catch {
    // The server's page says what is wrong.
    form.submit();
  }
}

function search(words: string): void {
  const wanted = plain(words).split(/\s+/).filter(Boolean);
  for (const row of rows.values()) {
    const text = plain(row.querySelector('.who')?.textContent ?? '');
    row.hidden = !wanted.every((word) => text.includes(word));
  }
}

/** Small letters without accents. */
function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase();
}

async function followOthers(): Promise<void> {
  try {
    await look();
  } catch {
    // The next look may get through.
  }
  setTimeout(() => void followOthers(), LOOK_MS);
}

document.addEventListener('submit', (event) => void mark(event));
const field = document.querySelector<HTMLElement>('.filter');
const input = field?.querySelector('input');
if (field && input) {
  field.hidden = false;
  input.addEventListener('input', () => search(input.value));
}
void followOthers();
