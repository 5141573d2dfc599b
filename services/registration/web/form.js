// What the form does better with a script: it keeps a draft in this browser, for whoever asks for it.
// The form works without this file.
'use strict';

const KEY = 'forum-pass-draft';
const KEPT_DAYS = 7;
// Health, consent and what is not the registrant's own are not kept; a file cannot be.
const NOT_KEPT = ['accessibility_needs', 'consent', 'idempotency_key', 'shown_in', 'looked_at', 'photo'];

const form = document.getElementById('register');
const wish = document.getElementById('keep-draft');
const storage = findStorage();

function findStorage() {
  try {
    return window.localStorage;
  } catch {
    return null; // A browser may be told to store nothing.
  }
}

function stored() {
  try {
    const draft = JSON.parse(storage.getItem(KEY));
    const age = Date.now() - draft.savedAt;
    if (age >= 0 && age < KEPT_DAYS * 24 * 3600 * 1000) return draft;
  } catch {
    // Nothing that we have written.
  }
  forget();
  return null;
}

function forget() {
  storage.removeItem(KEY);
}

function keep() {
  if (!wish.checked) return;
  const fields = [...new FormData(form)].filter(([name, value]) => !NOT_KEPT.includes(name) && value !== '');
  try {
    storage.setItem(KEY, JSON.stringify({ savedAt: Date.now(), fields }));
  } catch {
    wish.checked = false; // Its room is full, or closed.
  }
}

function fillIn(fields) {
  for (const [name, value] of fields) {
    if (NOT_KEPT.includes(name)) continue;
    for (const control of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (control.type !== 'radio' && control.type !== 'checkbox') control.value = value;
      else if (control.value === value) control.checked = true;
    }
  }
  for (const part of form.querySelectorAll('details:has(:checked)')) part.open = true;
}

if (storage === null) {
  // There are no drafts.
} else if (form === null) {
  // The page after the form: what was kept is with us now.
  if (document.getElementById('sent') !== null) forget();
} else {
  const draft = stored();
  document.getElementById('draft').hidden = false;
  if (draft !== null) {
    wish.checked = true;
    // A page that comes back with what was sent is newer than the draft.
    if (form.given_name.value === '' && form.email.value === '' && form.organization.value === '') {
      fillIn(draft.fields);
      document.getElementById('draft-restored').hidden = false;
    }
  }
  wish.addEventListener('change', () => (wish.checked ? keep() : forget()));
  form.addEventListener('input', keep);
  form.addEventListener('change', keep);
}
