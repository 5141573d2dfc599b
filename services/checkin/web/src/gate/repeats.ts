/**
 * The three-second rule: a badge that stays before the camera is read ten times a second and is
 * one scan. It counts anew only when it has been out of sight for the whole pause.
 */
export class Repeats {
  static readonly PAUSE_MS = 3000;

  readonly #lastRead = new Map<string, number>();

  /** Whether this read begins a scan. */
  begins(text: string, now: number): boolean {
    const last = this.#lastRead.get(text);
    for (const [seen, at] of this.#lastRead) {
      if (now - at > Repeats.PAUSE_MS) this.#lastRead.delete(seen);
    }
    this.#lastRead.set(text, now);
    return last === undefined || now - last > Repeats.PAUSE_MS;
  }

  forget(): void {
    this.#lastRead.clear();
  }
}
