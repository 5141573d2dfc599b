/**
 * The texts of a stream, line by line, whatever way the network cut it: those that came together are
 * given together, because a hundred thousand turns of an asynchronous loop take seconds.
 */
export async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<readonly string[]> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const lines = (rest + read.value).split('\n');
      rest = lines.pop() ?? '';
      yield lines;
    }
    if (rest) yield [rest];
  } finally {
    await reader.cancel().catch(() => {});
  }
}
