/** Reads QR codes off a video: by the browser's own detector where it has one, else by ZXing. */
export interface Decoder {
  /** The text of a code in the current frame, or null. */
  decode(video: HTMLVideoElement): Promise<string | null>;
  close(): void;
}

// TypeScript's DOM library does not know the Barcode Detection API.
interface NativeDetector {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>;
}
interface NativeDetectorClass {
  new (options: { formats: string[] }): NativeDetector;
  getSupportedFormats(): Promise<readonly string[]>;
}

export async function openDecoder(): Promise<Decoder> {
  const native = (globalThis as { BarcodeDetector?: NativeDetectorClass }).BarcodeDetector;
  if (native && (await readsQr(native))) return new NativeDecoder(native);
  return new ZxingDecoder();
}

async function readsQr(native: NativeDetectorClass): Promise<boolean> {
  try {
    return (await native.getSupportedFormats()).includes('qr_code');
  } catch {
    return false;
  }
}

class NativeDecoder implements Decoder {
  #detector: NativeDetector;
  #fallback: ZxingDecoder | null = null;

  constructor(native: NativeDetectorClass) {
    this.#detector = new native({ formats: ['qr_code'] });
  }

  async decode(video: HTMLVideoElement): Promise<string | null> {
    if (this.#fallback) return this.#fallback.decode(video);
    try {
      return (await this.#detector.detect(video))[0]?.rawValue ?? null;
    } catch {
      // Android without its barcode service names the format and then cannot read it.
      this.#fallback = new ZxingDecoder();
      return null;
    }
  }

  close(): void {
    this.#fallback?.close();
  }
}

// More pixels than this cost time and read no more: a badge at arm's length spans 300 of them.
const LONGEST_SIDE = 1024;

class ZxingDecoder implements Decoder {
  readonly #worker = new Worker(new URL('./decode-worker.ts', import.meta.url), {
    type: 'module',
  });
  readonly #canvas = document.createElement('canvas');
  readonly #context = this.#canvas.getContext('2d', { willReadFrequently: true });

  decode(video: HTMLVideoElement): Promise<string | null> {
    const frame = this.#frame(video);
    if (!frame) return Promise.resolve(null);
    return new Promise((resolve) => {
      // One frame at a time is out, so the next message is its answer.
      this.#worker.onmessage = ({ data }: MessageEvent<string | null>) => resolve(data);
      this.#worker.onerror = () => resolve(null);
      this.#worker.postMessage(frame, [frame.data.buffer]);
    });
  }

  close(): void {
    this.#worker.terminate();
  }

  #frame(video: HTMLVideoElement): ImageData | null {
    const { videoWidth, videoHeight } = video;
    if (!this.#context || videoWidth === 0) return null;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
    const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.#context.drawImage(video, 0, 0, width, height);
    return this.#context.getImageData(0, 0, width, height);
  }
}
