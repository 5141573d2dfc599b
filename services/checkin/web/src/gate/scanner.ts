import * as device from './device';
import { type Decoder, openDecoder } from './decoder';

export type CameraFault = 'denied' | 'missing' | 'busy' | 'insecure';

export interface Camera {
  readonly id: string;
  readonly label: string;
}

/** How much larger than life the camera can show, and does; in the camera's own unit. */
export interface Zoom {
  readonly min: number;
  readonly max: number;
  readonly value: number;
}

// From one end to the other in so many touches: each is seen, and none jumps past the badge.
const ZOOM_STEPS = 6;

// `torch` and `zoom` are of the Image Capture specification, which TypeScript's DOM library leaves out.
interface Optics {
  torch?: boolean;
  zoom?: number;
}
interface OpticalAbilities {
  readonly torch?: boolean;
  readonly zoom?: { readonly min: number; readonly max: number };
}

// Ten looks a second are as quick as a hand; fewer after a quiet minute spare the battery.
const LOOK_EVERY_MS = 100;
const LOOK_EVERY_MS_WHEN_QUIET = 250;
const QUIET_AFTER_MS = 60_000;

/**
 * The camera: finds the one at the back (or the one last chosen), runs it while the page is seen,
 * and tells each text it reads, again and again for as long as it is there.
 */
export class Scanner {
  fault: CameraFault | null = null;
  cameras: readonly Camera[] = [];
  running = false;
  /** Null where the camera has none */
  torch: boolean | null = null;
  zoom: Zoom | null = null;

  readonly #video: HTMLVideoElement;
  readonly #read: (text: string) => void;
  readonly #changed: () => void;
  #stream: MediaStream | null = null;
  #decoder: Decoder | null = null;
  /** Counts starts and stops, so that what an older start still awaits is dropped. */
  #run = 0;
  #lastRead = 0;

  constructor(video: HTMLVideoElement, read: (text: string) => void, changed: () => void) {
    this.#video = video;
    this.#read = read;
    this.#changed = changed;
  }

  async start(): Promise<void> {
    this.stop();
    const run = this.#run;
    try {
      const stream = await openCamera();
      if (run !== this.#run) return stopStream(stream);
      await this.#show(stream);
      this.cameras = await listCameras();
      this.#decoder ??= await openDecoder();
    } catch (error) {
      if (run !== this.#run) return;
      this.fault = faultOf(error);
      this.#changed();
      return;
    }
    if (run !== this.#run) return;
    this.fault = null;
    this.running = true;
    this.#lastRead = performance.now();
    this.#changed();
    void this.#look(run);
  }

  stop(): void {
    this.#run += 1;
    if (this.#stream) stopStream(this.#stream);
    this.#stream = null;
    this.#video.srcObject = null;
    this.running = false;
    this.torch = null;
    this.zoom = null;
  }

  close(): void {
    this.stop();
    this.#decoder?.close();
    this.#decoder = null;
  }

  async choose(cameraId: string): Promise<void> {
    device.camera.keep(cameraId);
    await this.start();
  }

  get chosen(): string | null {
    return this.#track?.getSettings().deviceId ?? null;
  }

  async light(on: boolean): Promise<void> {
    await this.#adjust({ torch: on });
    this.torch = on;
    this.#changed();
  }

  async enlarge(by: 1 | -1): Promise<void> {
    if (!this.zoom) return;
    await this.#zoomTo(further(this.zoom, by));
    if (this.chosen) device.zoom.keep(this.chosen, this.zoom.value);
    this.#changed();
  }

  async #zoomTo(wanted: number): Promise<void> {
    if (!this.zoom) return;
    const { min, max } = this.zoom;
    await this.#adjust({ zoom: Math.min(max, Math.max(min, wanted)) });
    // The camera rounds to what it can.
    this.zoom = { min, max, value: this.#optics.zoom ?? wanted };
  }

  get #optics(): Optics {
    return (this.#track?.getSettings() ?? {}) as Optics;
  }

  /** All that was set before is said again: what a track is not told, it may forget. */
  async #adjust(change: Optics): Promise<void> {
    const optics: Optics = {
      ...(this.torch === null ? {} : { torch: this.torch }),
      ...(this.zoom === null ? {} : { zoom: this.zoom.value }),
      ...change,
    };
    await this.#track?.applyConstraints({ advanced: [optics as MediaTrackConstraintSet] });
  }

  get #track(): MediaStreamTrack | undefined {
    return this.#stream?.getVideoTracks()[0];
  }

  async #show(stream: MediaStream): Promise<void> {
    this.#stream = stream;
    this.#video.srcObject = stream;
    await this.#video.play();
    const abilities = this.#track?.getCapabilities?.() as OpticalAbilities | undefined;
    this.torch = abilities?.torch ? false : null;
    await this.#showZoom(abilities?.zoom);
    // Unplugged, or taken by another app.
    this.#track?.addEventListener('ended', () => void this.start());
  }

  async #showZoom(range: OpticalAbilities['zoom']): Promise<void> {
    if (!range || range.max <= range.min) return;
    this.zoom = { min: range.min, max: range.max, value: this.#optics.zoom ?? range.min };
    const kept = device.zoom.recall(this.chosen ?? '');
    if (kept !== null) await this.#zoomTo(kept);
  }

  async #look(run: number): Promise<void> {
    while (run === this.#run && this.#decoder) {
      const began = performance.now();
      const text = await this.#decoder.decode(this.#video);
      if (run !== this.#run) return;
      if (text) {
        this.#lastRead = began;
        this.#read(text);
      }
      const quiet = began - this.#lastRead > QUIET_AFTER_MS;
      const rest = (quiet ? LOOK_EVERY_MS_WHEN_QUIET : LOOK_EVERY_MS) - (performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, Math.max(rest, 20)));
    }
  }
}

/** By the same ratio each time, as eyes see it; cameras that count from zero have steps of their own. */
function further({ min, max, value }: Zoom, by: number): number {
  return min > 0
    ? value * (max / min) ** (by / ZOOM_STEPS)
    : value + (max - min) * (by / ZOOM_STEPS);
}

async function openCamera(): Promise<MediaStream> {
  // Browsers hide the camera from pages that came without TLS.
  if (!navigator.mediaDevices) throw new DOMException('', 'SecurityError');
  // A browser says what a camera can enlarge only to those who ask for that with the camera.
  const size = { width: { ideal: 1280 }, height: { ideal: 720 }, zoom: true };
  const kept = device.camera.recall();
  if (kept) {
    try {
      return await navigator.mediaDevices.getUserMedia({
        video: { deviceId: { exact: kept }, ...size },
      });
    } catch (error) {
      // That camera is gone: take what there is.
      if (!(error instanceof DOMException) || error.name !== 'OverconstrainedError') throw error;
    }
  }
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode: { ideal: 'environment' }, ...size },
  });
}

async function listCameras(): Promise<Camera[]> {
  const found = await navigator.mediaDevices.enumerateDevices();
  return found
    .filter(({ kind }) => kind === 'videoinput')
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}

function stopStream(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function faultOf(error: unknown): CameraFault {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
      return 'denied';
    case 'SecurityError':
      return 'insecure';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'missing';
  }
}
