import * as api from './api';
import { linesOf } from './lines';
import { Silence } from './silence';

// The server says something every fifteen seconds.
const SILENCE_MS = 40_000;

/** Listens to the server's word that something has changed, until the line breaks or is closed. */
export class News {
  #silence: Silence | null = null;

  get open(): boolean {
    return this.#silence !== null;
  }

  /** @returns when the line is gone, for whatever reason */
  async listen(token: string, changed: () => void): Promise<void> {
    this.close();
    const silence = new Silence(SILENCE_MS);
    this.#silence = silence;
    try {
      const stream = await api.readNews(token, silence.signal);
      for await (const lines of silence.watch(linesOf(stream))) {
        if (lines.some((line) => line.trim() === 'event: changed')) changed();
      }
    } catch {
      // Whoever asks the server next finds out why.
    } finally {
      silence.end();
      if (this.#silence === silence) this.#silence = null;
    }
  }

  close(): void {
    this.#silence?.abort();
    this.#silence = null;
  }
}
