import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { Language } from '../language';
import { look } from '../look';

export interface Bar {
  readonly id: string;
  readonly label: string;
  readonly count: number;
  readonly color?: string;
}

/** Counts as bars, the longest first; each stands in the page as a row with its number. */
@customElement('bar-list')
export class BarList extends LitElement {
  @property() heading = '';
  @property({ attribute: false }) bars: readonly Bar[] = [];
  /** How many to show; the rest is told in the heading */
  @property({ type: Number }) most = 12;
  @property() hint = '';

  private language = new Language(this);

  override render() {
    const words = this.language.words.live;
    const sorted = this.bars.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count);
    const shown = sorted.slice(0, this.most);
    const longest = shown[0]?.count ?? 0;
    return html`
      <h2>
        ${this.heading}
        ${sorted.length > shown.length
          ? html`<small>${words.topCountries(shown.length, sorted.length)}</small>`
          : nothing}
      </h2>
      ${this.hint ? html`<p class="hint">${this.hint}</p>` : nothing}
      ${shown.length === 0
        ? html`<p class="hint">${words.none}</p>`
        : html`<ul>
            ${shown.map((bar) => this.renderBar(bar, longest))}
          </ul>`}
    `;
  }

  private renderBar({ id, label, count, color }: Bar, longest: number) {
    // SVG, because its attributes need no inline style.
    return html`
      <li data-key=${id} data-count=${count}>
        <span class="label">${label}</span>
        <span class="count tabular">${this.language.number(count)}</span>
        <svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
          <rect width="100" height="1" class="track" />
          <rect
            width=${(100 * count) / longest}
            height="1"
            fill=${color ?? 'var(--accent)'}
          />
        </svg>
      </li>
    `;
  }

  static override styles = [
    look,
    css`
      :host {
        display: block;
      }

      h2 {
        margin-block-end: var(--space-3);
        font-size: var(--heading-3);
      }

      small {
        color: var(--ink-soft);
        font-size: var(--text-small);
        font-weight: 400;
      }

      .hint + ul {
        margin-block-start: var(--space-3);
      }

      ul {
        display: grid;
        gap: var(--space-3);
      }

      li {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: 2px var(--space-3);
        line-height: 1.25;
      }

      .label {
        overflow-wrap: anywhere;
      }

      .count {
        font-weight: 700;
      }

      .bar {
        transform: scaleX(var(--along));
        grid-column: 1 / -1;
        inline-size: 100%;
        block-size: 0.55rem;
        border-radius: var(--radius-round);
      }

      .track {
        fill: var(--sunk);
      }
    `,
  ];
}
