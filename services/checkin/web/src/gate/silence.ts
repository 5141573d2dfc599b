/** Gives up a stream that has said nothing for too long. */
export class Silence {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly milliseconds: number) {
    this.#wait();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get broken(): boolean {
    return this.#controller.signal.aborted;
  }

  async *watch<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    for await (const item of items) {
      this.#wait();
      yield item;
    }
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  abort(): void {
    this.end();
    this.#controller.abort();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.abort(), this.milliseconds);
  }
}
