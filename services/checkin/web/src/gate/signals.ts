import * as device from './device';
import type { Tone } from './verdict';

/** What the officer hears and feels without looking: each answer has a sound and a beat of its own. */
export type Signal = Tone | 'unsent';

interface Note {
  readonly hertz: number;
  readonly from: number;
  readonly to: number;
  readonly shape: OscillatorType;
}

const NOTES: Record<Signal, readonly Note[]> = {
  // Two notes up: come in.
  admitted: [
    { hertz: 880, from: 0, to: 0.09, shape: 'sine' },
    { hertz: 1319, from: 0.09, to: 0.26, shape: 'sine' },
  ],
  // A low buzz, three times: it carries through a crowd.
  refused: [0, 0.2, 0.4].map((from) => ({ hertz: 185, from, to: from + 0.14, shape: 'square' })),
  // Two notes down: goodbye.
  departed: [
    { hertz: 880, from: 0, to: 0.09, shape: 'sine' },
    { hertz: 587, from: 0.09, to: 0.26, shape: 'sine' },
  ],
  unsent: [{ hertz: 523, from: 0, to: 0.12, shape: 'triangle' }],
};

const BEATS: Record<Signal, number[]> = {
  admitted: [80],
  refused: [220, 90, 220, 90, 220],
  departed: [40, 60, 40],
  unsent: [30, 40, 30],
};

const LOUDNESS = 0.5;
// Below this the ear hears a click at a note's edges.
const FADE_S = 0.012;

let audio: AudioContext | null = null;

/** Opens the loudspeaker, which takes a tenth of a second: not while a scan waits to be answered. */
export function prepareSound(): void {
  audio ??= new AudioContext();
}

/** Browsers let a page sound only once it was touched: call this from a touch or a key. */
export function unlockSound(): void {
  audio ??= new AudioContext();
  if (audio.state === 'suspended') void audio.resume();
}

export function signal(kind: Signal): void {
  // Chrome warns of a vibration before the first touch and does nothing.
  if (navigator.userActivation?.hasBeenActive !== false) navigator.vibrate?.(BEATS[kind]);
  if (device.muted.recall() || audio?.state !== 'running') return;
  for (const note of NOTES[kind]) play(audio, note);
}

function play(context: AudioContext, { hertz, from, to, shape }: Note): void {
  const start = context.currentTime + from;
  const end = context.currentTime + to;
  const volume = context.createGain();
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(LOUDNESS, start + FADE_S);
  volume.gain.setValueAtTime(LOUDNESS, end - FADE_S);
  volume.gain.linearRampToValueAtTime(0, end);
  const tone = new OscillatorNode(context, { frequency: hertz, type: shape });
  tone.connect(volume).connect(context.destination);
  tone.start(start);
  tone.stop(end);
}
