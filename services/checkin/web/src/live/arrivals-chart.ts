import { css, html, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import uPlot, { type AlignedData, type Options } from 'uplot';
import { arrivals, peak, stacked, timeOf } from './arrivals';
import { DayChart } from './chart';
import type { Place } from './places';

const HOUR = 60;

/** Arrivals a minute as columns, one colour an entrance. */
@customElement('arrivals-chart')
export class ArrivalsChart extends DayChart {
  @property({ attribute: false }) byEntrance: Readonly<Record<string, Readonly<Record<string, number>>>> = {};
  @property({ attribute: false }) byMinute: Readonly<Record<string, number>> = {};
  @property({ attribute: false }) places: readonly Place[] = [];
  /** Whether the last hour may be shown: not when looking back */
  @property({ type: Boolean }) live = false;
  @property({ type: Boolean }) wall = false;
  @state() private span: 'hour' | 'day' = 'day';

  override render() {
    const words = this.language.words.live;
    const most = peak(this.byMinute);
    return html`
      <header>
        <h2>${words.arrivals}</h2>
        ${most ? this.renderKeys() : nothing}
        ${this.live && !this.wall ? this.renderSpans() : nothing}
      </header>
      <p class="hint">
        ${most ? words.busiest(timeOf(most.minute), most.arrivals) : words.noArrivals}
      </p>
      <div class="plot" ?hidden=${!most} aria-hidden="true"></div>
    `;
  }

  private renderSpans() {
    const words = this.language.words.live;
    return html`
      <fieldset>
        <legend class="visually-hidden">${words.span}</legend>
        ${([['hour', words.lastHour], ['day', words.wholeDay]] as const).map(
          ([span, label]) => html`
            <label>
              <input type="radio" name="span" .checked=${this.span === span}
                @change=${() => (this.span = span)} />
              ${label}
            </label>
          `,
        )}
      </fieldset>
    `;
  }

  private renderKeys() {
    return html`
      <ul class="keys">
        ${this.shown.map(
          ({ name, color }) => html`
            <li>
              <svg viewBox="0 0 10 10" aria-hidden="true">${svg`<rect width="10" height="10" rx="2" fill=${color} />`}</svg>
              ${name}
            </li>
          `,
        )}
      </ul>
    `;
  }

  /** The entrances where somebody came for the first time. */
  private get shown(): readonly Place[] {
    return this.places.filter(({ id }) => this.byEntrance[id]);
  }

  protected override key(): string {
    return JSON.stringify([this.shown, this.span]);
  }

  protected override data(): AlignedData {
    const { minutes, series } = arrivals(
      this.byEntrance,
      this.shown.map(({ id }) => id),
      this.now,
      this.live && this.span === 'hour' ? HOUR : null,
    );
    // The tallest is drawn first, and the others over it.
    return [[...minutes], ...stacked(series).map((sums) => [...sums]).reverse()];
  }

  protected override options(): Partial<Options> {
    const paths = uPlot.paths.bars?.({ size: [0.85, 28], align: 1 });
    return {
      scales: {
        x: { time: false },
        y: { range: (_plot, _min, max) => [0, Math.max(4, Math.ceil(max * 1.1))] },
      },
      series: [
        {},
        ...[...this.shown].reverse().map(({ name, color }) => ({
          label: name,
          fill: color,
          stroke: color,
          width: 0,
          points: { show: false },
          ...(paths ? { paths } : {}),
        })),
      ],
    };
  }

  static override styles = [
    ...DayChart.styles,
    css`
      fieldset {
        display: flex;
        gap: var(--space-1) var(--space-4);
      }

      fieldset label {
        display: inline-flex;
        gap: var(--space-2);
        align-items: center;
        min-block-size: var(--target-small);
        font-size: var(--text-small);
        font-weight: 400;
        cursor: pointer;
      }

      input {
        inline-size: 1.1rem;
        min-block-size: 1.1rem;
        block-size: 1.1rem;
        accent-color: var(--accent);
      }
    `,
  ];
}
