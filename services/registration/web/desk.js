// What the review desk does better with a script: keys, decisions without a reload, many at once with
// the outcome beside each. The desk works without this file.

const OFF = 'forum-pass-shortcuts-off';
const PATIENCE_MS = 20_000;
const LETTER = /^[a-z]$/;
// Where a key types, or means something to the field itself.
const FIELD = 'input:not([type="checkbox"]):not([type="radio"]), select, textarea, [contenteditable]';

const byId = (id) => document.getElementById(id);
const rows = [...document.querySelectorAll('.queue > li')];
const selection = byId('selection');
const said = byId('said');
const words = selection === null ? {} : JSON.parse(selection.dataset.words);
let current = null;

// ---- Which row ----

const isOpen = (row) => row.dataset.decided === undefined;
const box = (row) => row.querySelector('input[name="id"]');
const nameOf = (row) => row.querySelector('.who a').textContent.trim();
const selected = () => rows.filter((row) => box(row).checked && isOpen(row));
/** Whom an act concerns: the selected ones, else the one in hand. */
const chosen = () => {
  const many = selected();
  return many.length > 0 ? many : current !== null && isOpen(current) ? [current] : [];
};

function focusOn(row) {
  current = row;
  row.querySelector('.who a').focus();
  row.scrollIntoView({ block: 'nearest' });
}

function move(step) {
  const from = current === null ? (step > 0 ? -1 : rows.length) : rows.indexOf(current);
  for (let at = from + step; at >= 0 && at < rows.length; at += step) {
    if (isOpen(rows[at])) return focusOn(rows[at]);
  }
  if (step > 0) leadOn();
}

/** There is nobody left on this page. */
function leadOn() {
  const again = byId('again');
  again.hidden = rows.some(isOpen);
  (document.querySelector('.pages a:not([hidden])') ?? again).focus();
}

function select(row) {
  if (!isOpen(row)) return;
  box(row).checked = !box(row).checked;
  showSelection();
}

function showSelection() {
  const open = rows.filter(isOpen);
  const many = selected().length;
  byId('selected').textContent = String(many);
  byId('all').checked = many > 0 && many === open.length;
  byId('all').indeterminate = many > 0 && many < open.length;
}

// ---- Deciding ----

async function ask(path, content) {
  const answer = await fetch(`/registration/api/registrations/${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(content),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.json()).items;
}

/** Do something to rows, one call for all; what became of each is shown beside it. */
async function act(path, some, content, show) {
  for (const row of some) row.setAttribute('aria-busy', 'true');
  try {
    const outcomes = await ask(path, { ...content, ids: some.map((row) => row.dataset.id) });
    for (const outcome of outcomes) {
      const row = some.find((one) => one.dataset.id === outcome.id);
      box(row).checked = false;
      if (outcome.done) show(row, outcome);
      else showRefusal(row, outcome);
    }
    tell(some, outcomes);
  } catch {
    said.textContent = words.lost;
    said.dataset.tone = 'bad';
  }
  for (const row of some) row.removeAttribute('aria-busy');
  showSelection();
}

function decide(some, content) {
  if (some.length === 0) return;
  const going = act('decisions', some, content, showState);
  // Who decides goes on with the next one: the answer is shown beside this one when it comes.
  const last = rows.indexOf(some.at(-1));
  const next = rows.slice(last + 1).find((row) => isOpen(row) && !some.includes(row));
  if (next !== undefined) focusOn(next);
  else void going.then(() => move(1));
}

function assign(some, reviewer) {
  const name = { '@me': selection.dataset.me, '@nobody': null }[reviewer];
  const to = name === undefined ? reviewer : name;
  void act('assignments', some, { reviewer: to }, (row) => {
    row.querySelector('.assigned bdi').textContent = to ?? '';
  });
}

function showState(row, outcome) {
  const list = document.querySelector('.queue');
  if (list.dataset.status !== '' && list.dataset.status !== outcome.status) leaveQueue();
  showAs(row, outcome.status);
}

function showRefusal(row, outcome) {
  const reason = document.createElement('p');
  reason.className = 'error';
  reason.textContent =
    outcome.status === null ? words.gone : words.quicker.replace('%(state)s', words.states[outcome.status]);
  row.querySelector('.mark').prepend(reason);
  showAs(row, outcome.status);
}

function showAs(row, status) {
  row.dataset.decided = '';
  box(row).disabled = true;
  for (const control of row.querySelectorAll('.mark form, .mark .button')) control.remove();
  const chip = row.querySelector('.chip');
  if (status === null) return;
  chip.dataset.status = status;
  chip.textContent = words.states[status];
  chip.hidden = false;
}

/** The number above the list counts who still fits the filter. */
function leaveQueue() {
  const found = byId('found');
  if (/^\d+$/.test(found.textContent)) found.textContent = String(Number(found.textContent) - 1);
}

function tell(some, outcomes) {
  const done = outcomes.filter((outcome) => outcome.done).length;
  const refused = outcomes.length - done;
  const [only] = outcomes;
  said.dataset.tone = refused === 0 ? 'good' : 'bad';
  said.textContent =
    outcomes.length === 1 && only.status !== null
      ? `${nameOf(some[0])}: ${words.states[only.status]}`
      : words.done.replace('%(done)s', done).replace('%(refused)s', refused);
}

// ---- Being asked first ----

/** Open a dialog about some rows; `then` is called with its form once it is sent. */
function consult(dialog, some, then) {
  const form = dialog.querySelector('form');
  form.reset();
  dialog.querySelector('.whom').textContent =
    some.length === 1 ? nameOf(some[0]) : `${some.length}: ${some.map(nameOf).join(' · ')}`;
  const back = document.activeElement;
  form.onsubmit = (event) => {
    if (then(form) === false) {
      event.preventDefault();
      return;
    }
    dialog.onclose = null;
  };
  dialog.onclose = () => back?.focus();
  dialog.showModal();
}

function approve(some) {
  if (some.length > 1) consult(byId('sure'), some, () => void setTimeout(decide, 0, some, { act: 'approve' }));
  else decide(some, { act: 'approve' });
}

function decline(some) {
  if (some.length === 0) return;
  const dialog = byId('decline');
  const missing = dialog.querySelector('.error');
  missing.hidden = true;
  consult(dialog, some, (form) => {
    const reason = form.elements.reason.value.trim();
    const reason_id = form.elements.reason_id.value;
    missing.hidden = reason !== '' || reason_id !== '';
    if (!missing.hidden) {
      form.elements.reason.focus();
      return false;
    }
    // Once the dialog is closed, which gives the focus back.
    setTimeout(decide, 0, some, {
      act: 'decline',
      ...(reason === '' ? {} : { reason }),
      ...(reason_id === '' ? {} : { reason_id }),
    });
    return true;
  });
  dialog.querySelector('input[type="radio"]')?.focus();
}

// ---- Keys ----

const LIST_KEYS = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  o: () => current?.querySelector('.who a').click(),
  x: () => current !== null && select(current),
  a: () => approve(chosen()),
  d: () => decline(chosen().filter((row) => row.querySelector('[data-act="decline"]') !== null)),
  '/': () => byId('q').select(),
};

const ONE_KEYS = {
  j: () => byId('following')?.click(),
  k: () => byId('previous')?.click(),
  u: () => byId('back').click(),
  n: () => byId('note')?.focus(),
  a: () => byId('approve')?.requestSubmit(),
  d: () => {
    const part = byId('decline');
    if (part === null) return;
    part.open = true;
    part.querySelector('input[type="radio"]').focus();
  },
};

const keys = byId('back') === null ? LIST_KEYS : ONE_KEYS;

function isOn() {
  try {
    return localStorage.getItem(OFF) === null;
  } catch {
    return true; // A browser may be told to store nothing.
  }
}

function switchTo(on) {
  try {
    if (on) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, 'yes');
  } catch {
    byId('shortcuts').checked = true; // It could not be remembered.
  }
}

/** The letter of a key: on a Cyrillic or Arabic keyboard, that of its place. */
function keyOf(event) {
  if (/^[\x20-\x7e]$/.test(event.key)) return event.key.toLowerCase();
  if (event.key.length > 1) return event.key;
  const letter = event.code.replace('Key', '').toLowerCase();
  if (LETTER.test(letter)) return letter;
  return event.code === 'Slash' ? '/' : event.key;
}

function onKey(event) {
  if (!isOn() || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.repeat && !['j', 'k', 'ArrowDown', 'ArrowUp'].includes(event.key)) return;
  if (event.target instanceof Element && event.target.matches(FIELD)) return;
  const key = keyOf(event);
  if (chooseReason(key, event.target)) event.preventDefault();
  if (document.querySelector('dialog[open]') !== null || isAmongReasons(event.target)) return;
  const does = key === '?' ? showHelp : keys[key];
  if (does === undefined) return;
  event.preventDefault();
  does();
}

const isAmongReasons = (target) => target instanceof Element && target.matches('[name="reason_id"]');

/** Among the reasons, a digit is the reason of that number. */
function chooseReason(key, target) {
  if (!/^[1-9]$/.test(key) || !(target instanceof Element)) return false;
  const radio = target.closest('#decline')?.querySelectorAll('[name="reason_id"]')[Number(key) - 1];
  if (radio === undefined) return false;
  radio.checked = true;
  radio.focus();
  return true;
}

function showHelp() {
  byId('shortcuts').checked = isOn();
  byId('help').showModal();
}

// ---- At the start ----

addEventListener('keydown', onKey);
for (const key of document.querySelectorAll('#decline kbd[hidden]')) key.hidden = false;
for (const button of document.querySelectorAll('[data-help]')) {
  button.hidden = false;
  button.addEventListener('click', showHelp);
}
byId('shortcuts')?.addEventListener('change', (event) => switchTo(event.target.checked));
for (const button of document.querySelectorAll('[data-close]')) {
  button.addEventListener('click', () => button.closest('dialog').close());
}

if (selection !== null) {
  for (const hidden of selection.querySelectorAll('label[hidden], p[hidden]')) hidden.hidden = false;
  document.querySelector('.queue').addEventListener('focusin', (event) => {
    current = event.target.closest('.queue > li');
  });
  byId('all').addEventListener('change', (event) => {
    for (const row of rows.filter(isOpen)) box(row).checked = event.target.checked;
    showSelection();
  });
  for (const row of rows) box(row).addEventListener('change', showSelection);
  document.querySelector('.queue').addEventListener('submit', (event) => {
    event.preventDefault();
    decide([event.target.closest('li')], { act: 'approve' });
  });
  document.querySelector('.queue').addEventListener('click', (event) => {
    const link = event.target.closest('[data-act="decline"]');
    if (link === null) return;
    event.preventDefault();
    decline([link.closest('li')]);
  });
  selection.addEventListener('submit', (event) => {
    const some = selected();
    if (some.length === 0) return; // The server's page says that nobody is selected.
    event.preventDefault();
    if (event.submitter.value === 'approve') approve(some);
    else if (event.submitter.value === 'decline') decline(some);
    else assign(some, selection.elements.reviewer.value);
  });
  showSelection();
  // Who comes back from a registration finds its name in focus: the address names it.
  current = document.activeElement.closest('.queue > li');
} else {
  // Sent twice, the second would be told that somebody was quicker.
  for (const form of document.querySelectorAll('main form[method="post"]')) {
    form.addEventListener('submit', (event) => {
      if (form.dataset.sent !== undefined) event.preventDefault();
      form.dataset.sent = '';
    });
  }
  addEventListener('pageshow', () => {
    for (const form of document.querySelectorAll('[data-sent]')) delete form.dataset.sent;
  });
  if (location.hash === '#decline' && byId('decline') !== null) byId('decline').open = true;
}
