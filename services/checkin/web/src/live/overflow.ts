import { html, type ReactiveController, type ReactiveControllerHost } from 'lit';
import type { Language } from '../language';

/** A component with a list on the wall, where nothing scrolls. */
type Host = ReactiveControllerHost & { readonly renderRoot: ParentNode; readonly wall: boolean };

/**
 * Shows each entry of the wall's list whole or not at all, and counts those that do not fit: an
 * entry without room gets `data-cut`.
 */
export class Overflow implements ReactiveController {
  /** How many do not fit */
  count = 0;

  readonly #host: Host;
  readonly #selector: string;
  readonly #resized = new ResizeObserver(() => this.#measure());
  #list: Element | null = null;

  constructor(host: Host, selector: string) {
    this.#host = host;
    this.#selector = selector;
    host.addController(this);
  }

  hostUpdated(): void {
    if (!this.#host.wall) return;
    this.#observe(this.#host.renderRoot.querySelector(this.#selector));
    this.#measure();
  }

  hostDisconnected(): void {
    this.#observe(null);
  }

  #observe(list: Element | null): void {
    if (list === this.#list) return;
    this.#resized.disconnect();
    this.#list = list;
    if (list) this.#resized.observe(list);
  }

  #measure(): void {
    const entries = [...(this.#list?.children ?? [])];
    const room = this.#list?.getBoundingClientRect();
    const cut = entries.filter((entry) => room && !isWithin(room, entry.getBoundingClientRect()));
    for (const entry of entries) entry.toggleAttribute('data-cut', cut.includes(entry));
    if (cut.length === this.count) return;
    this.count = cut.length;
    this.#host.requestUpdate();
  }
}

/** "+ 40 more" */
export function more(count: number, language: Language) {
  return html`<p class="more">${language.words.live.more(language.number(count))}</p>`;
}

/** But for what is lost in rounding. */
function isWithin(room: DOMRect, box: DOMRect): boolean {
  return box.left >= room.left - 1 && box.right <= room.right + 1 && box.bottom <= room.bottom + 1;
}
