// What a photo's field does better with a script: the person sees, and chooses, which part goes on the
// badge, and what is sent is that part, which is small. Without this file the whole photo goes up, and
// the server makes it small.
'use strict';

const field = document.getElementById('photo');
const WIDTH = 900; // One and a half times what the server keeps (photos.py).
const HEIGHT = 1200;
const QUALITY = 0.9;

if (field !== null) startCropping(field);

function startCropping(photo) {
  const part = (name) => document.getElementById(`crop-${name}`);
  const box = document.getElementById('crop');
  const tooLarge = document.getElementById('photo-too-large');
  const view = part('view');
  const sliders = [part('zoom'), part('x'), part('y')];
  let picture = null; // An ImageBitmap: upright, whatever the camera wrote beside it.
  let fileName = '';
  let unsent = false; // What is shown is not yet what the field holds.
  let grip = null; // Where the pointer has hold of the picture.

  // Which part of the picture is shown, in its own pixels.
  function cut() {
    const whole = Math.min(picture.width, (picture.height * 3) / 4);
    const width = whole / (part('zoom').value / 100);
    const height = (width * 4) / 3;
    return {
      left: ((picture.width - width) * part('x').value) / 100,
      top: ((picture.height - height) * part('y').value) / 100,
      width,
      height,
    };
  }

  function draw(canvas) {
    const { left, top, width, height } = cut();
    const paper = canvas.getContext('2d');
    paper.fillStyle = '#fff'; // As the server does with what is transparent.
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.imageSmoothingQuality = 'high';
    paper.drawImage(picture, left, top, width, height, 0, 0, canvas.width, canvas.height);
  }

  function show() {
    unsent = true;
    draw(view);
  }

  async function putIntoTheField() {
    const sheet = document.createElement('canvas');
    const scale = Math.min(1, cut().width / WIDTH);
    sheet.width = Math.max(1, Math.round(WIDTH * scale));
    sheet.height = Math.max(1, Math.round(HEIGHT * scale));
    draw(sheet);
    const jpeg = await new Promise((done) => sheet.toBlob(done, 'image/jpeg', QUALITY));
    unsent = false;
    if (jpeg === null) return;
    const hand = new DataTransfer();
    hand.items.add(new File([jpeg], fileName.replace(/\.\w+$/, '') + '.jpg', { type: 'image/jpeg' }));
    photo.files = hand.files;
  }

  async function take() {
    const [file] = photo.files;
    tooLarge.hidden = true;
    box.hidden = true;
    picture = null;
    if (file === undefined) return;
    try {
      picture = await createImageBitmap(file);
    } catch {
      // No picture that this browser knows: the server looks at it, if it may become that large.
      tooLarge.hidden = file.size <= Number(photo.dataset.mostBytes);
      if (!tooLarge.hidden) photo.value = '';
      return;
    }
    fileName = file.name;
    [part('zoom').value, part('x').value, part('y').value] = [100, 50, 50];
    box.hidden = false;
    show();
    await putIntoTheField();
  }

  function drag(event) {
    if (grip === null) return;
    const { width, height } = cut();
    const moved = (at, from, size, shown) => (-(at - from) * size) / shown;
    const push = (slider, by, room) => {
      if (room > 0) slider.value = Number(slider.value) + (by / room) * 100;
    };
    const { clientWidth, clientHeight } = view;
    push(part('x'), moved(event.clientX, grip.x, width, clientWidth), picture.width - width);
    push(part('y'), moved(event.clientY, grip.y, height, clientHeight), picture.height - height);
    grip = { x: event.clientX, y: event.clientY };
    show();
  }

  photo.addEventListener('change', take);
  for (const slider of sliders) {
    slider.step = 'any';
    slider.addEventListener('input', show);
    slider.addEventListener('change', putIntoTheField);
  }
  view.addEventListener('pointerdown', (event) => {
    grip = { x: event.clientX, y: event.clientY };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener('pointermove', drag);
  for (const end of ['pointerup', 'pointercancel']) {
    view.addEventListener(end, () => {
      if (grip === null) return;
      grip = null;
      putIntoTheField();
    });
  }
  part('remove').addEventListener('click', () => {
    photo.value = '';
    box.hidden = true;
    picture = null;
    photo.focus();
  });
  // Who sends the form with the slider still held sends what is shown.
  photo.form.addEventListener('submit', (event) => {
    if (picture === null || !unsent) return;
    event.preventDefault();
    const button = event.submitter;
    putIntoTheField().then(() => photo.form.requestSubmit(button));
  });
}
