/** ZXing beside the page's own thread: a frame in, the text of its QR code or null out. */
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import wasm from 'zxing-wasm/reader/zxing_reader.wasm?url';

// By default zxing-wasm fetches its binary from a CDN; ours comes from our own origin.
prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });

onmessage = async ({ data }: MessageEvent<ImageData>) => {
  const [code] = await readBarcodes(data, { formats: ['QRCode'], maxNumberOfSymbols: 1 });
  postMessage(code?.isValid ? code.text : null);
};
