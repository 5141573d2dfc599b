// Makes passkeys, and signs in with them. Without this file, or in a browser that knows no passkeys,
// the mail is there.
'use strict';

const place = document.querySelector('[data-passkey]');
const button = place.querySelector('[data-passkey-button]');
const complaint = place.querySelector('[data-passkey-error]');

function toBytes(text) {
  const base64 = text.replaceAll('-', '+').replaceAll('_', '/');
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const characters = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(characters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

async function post(address, content) {
  const answer = await fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify(content ?? {}),
  });
  if (!answer.ok) throw new Error(`answers ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

async function make() {
  const options = await post('/registration/account/passkeys/options');
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: options.excludeCredentials.map((one) => ({ ...one, id: toBytes(one.id) })),
    },
  });
  const credential = {
    id: made.id,
    rawId: made.id,
    type: made.type,
    response: {
      clientDataJSON: toText(made.response.clientDataJSON),
      attestationObject: toText(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
  await post('/registration/account/passkeys', { name: place.elements.name.value, credential });
  location.reload();
}

async function signIn() {
  const options = await post('/registration/sign-in/passkey/options');
  const signed = await navigator.credentials.get({
    publicKey: { ...options, challenge: toBytes(options.challenge), allowCredentials: [] },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = signed.response;
  const credential = {
    id: signed.id,
    rawId: signed.id,
    type: signed.type,
    response: {
      clientDataJSON: toText(clientDataJSON),
      authenticatorData: toText(authenticatorData),
      signature: toText(signature),
      userHandle: userHandle && toText(userHandle),
    },
  };
  const { to } = await post('/registration/sign-in/passkey', { credential, to: place.dataset.to });
  location.assign(to);
}

async function attempt(act) {
  complaint.hidden = true;
  button.disabled = true;
  try {
    await act();
  } catch {
    // Whatever it was, somebody who turned away from the device's question included.
    complaint.hidden = false;
  } finally {
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  place.hidden = false;
  const notHere = document.querySelector('[data-passkey-none]');
  if (notHere) notHere.hidden = true;
  if (place.dataset.passkey === 'make') {
    place.addEventListener('submit', (event) => {
      event.preventDefault();
      void attempt(make);
    });
  } else {
    button.addEventListener('click', () => void attempt(signIn));
  }
}
