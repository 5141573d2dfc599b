import { css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import uPlot, { type AlignedData, type Options } from 'uplot';
import { insideCurve } from './arrivals';
import { DayChart } from './chart';
import { WARNING } from './occupancy';

/** How many were inside over the day, under the lines that must not be passed. */
@customElement('occupancy-chart')
export class OccupancyChart extends DayChart {
  @property({ attribute: false }) byMinute: Readonly<Record<string, number>> = {};
  @property({ type: Number }) limit = 0;

  override render() {
    const words = this.language.words.live;
    const isEmpty = Object.keys(this.byMinute).length === 0;
    return html`
      <header>
        <h2>${words.occupancy}</h2>
        ${isEmpty ? nothing : this.renderKeys()}
      </header>
      <p class="hint" ?hidden=${!isEmpty}>${words.none}</p>
      <div class="plot" ?hidden=${isEmpty} aria-hidden="true"></div>
    `;
  }

  private renderKeys() {
    const words = this.language.words.live;
    return html`
            <ul class="keys">
              <li>
                <svg viewBox="0 0 10 10" aria-hidden="true"><path class="limit" d="M0 5h10" /></svg>
                ${words.limitLine(this.language.number(this.limit))}
              </li>
              <li>
                <svg viewBox="0 0 10 10" aria-hidden="true"><path class="warning" d="M0 5h10" /></svg>
                ${words.warningLine(this.language.number(Math.round(WARNING * this.limit)))}
              </li>
            </ul>
    `;
  }

  protected override key(): string {
    return String(this.limit);
  }

  protected override data(): AlignedData {
    const { minutes, inside } = insideCurve(this.byMinute, this.now);
    const level = (share: number) => minutes.map(() => share * this.limit);
    return [[...minutes], [...inside], level(WARNING), level(1)];
  }

  protected override options(color: (name: string) => string): Partial<Options> {
    const paths = uPlot.paths.stepped?.({ align: 1 });
    const line = { points: { show: false }, width: 2 };
    return {
      scales: {
        x: { time: false },
        // The limit is always in sight: the room that is left is what matters.
        y: { range: (_plot, _min, max) => [0, Math.max(this.limit * 1.08, max * 1.05)] },
      },
      series: [
        {},
        {
          ...line,
          stroke: color('--accent'),
          fill: color('--accent-soft'),
          ...(paths ? { paths } : {}),
        },
        { ...line, stroke: color('--warn-line'), dash: [8, 6] },
        { ...line, stroke: color('--bad') },
      ],
    };
  }

  static override styles = [
    ...DayChart.styles,
    css`
      :host {
        --warn-line: #c77700;
      }

      .keys path {
        stroke-width: 2;
      }

      .limit {
        stroke: var(--bad);
      }

      .warning {
        stroke: var(--warn-line);
        stroke-dasharray: 4 2;
      }
    `,
  ];
}
