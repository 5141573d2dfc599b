import * as device from './device';
import { type Decoder, openDecoder } from './decoder';

export type CameraFault = 'denied' | 'missing' | 'busy' | 'insecure';

export interface Camera {
  readonly id: string;
  readonly label: string;
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
  torch: boolean | null = null;

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
    // `torch` is of the Image Capture specification, which TypeScript's DOM library leaves out.
    const constraint: MediaTrackConstraintSet & { torch: boolean } = { torch: on };
    await this.#track?.applyConstraints({ advanced: [constraint] });
    this.torch = on;
    this.#changed();
  }

  get #track(): MediaStreamTrack | undefined {
    return this.#stream?.getVideoTracks()[0];
  }

  async #show(stream: MediaStream): Promise<void> {
    this.#stream = stream;
    this.#video.srcObject = stream;
    await this.#video.play();
    const abilities: (MediaTrackCapabilities & { torch?: boolean }) | undefined =
      this.#track?.getCapabilities?.();
    this.torch = abilities?.torch ? false : null;
    // Unplugged, or taken by another app.
    this.#track?.addEventListener('ended', () => void this.start());
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

async function openCamera(): Promise<MediaStream> {
  // Browsers hide the camera from pages that came without TLS.
  if (!navigator.mediaDevices) throw new DOMException('', 'SecurityError');
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
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
