// What the own page does better with a script: the badge's number as text beside the code, to be read
// out or typed where a code cannot be read. Without this file it stands on the badge's picture.
'use strict';

const code = document.getElementById('badge-code');
const line = document.getElementById('badge-number');

async function showNumber() {
  const query = new URLSearchParams({
    registration_id: line.dataset.registration,
    status: 'valid',
    token: new URLSearchParams(location.search).get('token'),
  });
  const answer = await fetch(`/badging/api/badges?${query}`, { headers: { Accept: 'application/json' } });
  if (!answer.ok) return;
  const [badge] = (await answer.json()).items;
  if (badge === undefined) return;
  line.querySelector('.code').textContent = badge.number;
  line.hidden = false;
}

// Who has just been confirmed waits for the badge: its code is answered once there is one.
if (code?.complete && code.naturalWidth > 0) void showNumber();
else code?.addEventListener('load', () => void showNumber());
