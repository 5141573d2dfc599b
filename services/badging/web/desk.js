// What the badge desk does better with a script: a badge may be scanned, or a name typed, at any
// time, wherever the focus is. The desk works without this file.

const FIELD = 'input, select, textarea, [contenteditable]';
const box = document.getElementById('q');

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === 'Escape') {
    box.select();
    return;
  }
  // A blank presses a button: it begins neither a name nor a code.
  const types = event.key.length === 1 && event.key !== ' ';
  if (types && !(event.target instanceof Element && event.target.matches(FIELD))) box.select();
}

addEventListener('keydown', onKey);
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
