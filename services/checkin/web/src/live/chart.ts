import { css, LitElement, type PropertyValues, unsafeCSS } from 'lit';
import { property, query } from 'lit/decorators.js';
import uPlot, { type AlignedData, type Axis, type Options } from 'uplot';
import chartStyle from 'uplot/dist/uPlot.min.css?inline';
import { Language } from '../language';
import { look } from '../look';
import { timeOf } from './arrivals';

const DARK = matchMedia('(prefers-color-scheme: dark)');

/** A chart over the time of a day: keeps its size, colours and language up to date. */
export abstract class DayChart extends LitElement {
  /** Minutes since midnight, forum time */
  @property({ type: Number }) now = 0;

  @query('.plot') private place!: HTMLElement;
  protected language = new Language(this);
  private plot: uPlot | null = null;
  private drawnFor = '';
  private resize = new ResizeObserver(() => this.fit());

  /** What is drawn; none, if the first column is empty */
  protected abstract data(): AlignedData;
  protected abstract options(color: (name: string) => string, axis: Axis): Partial<Options>;
  /** What a chart is drawn for once: when it changes, it is drawn anew. */
  protected abstract key(): string;

  override connectedCallback(): void {
    super.connectedCallback();
    DARK.addEventListener('change', this.repaint);
  }

  override firstUpdated(_: PropertyValues): void {
    this.resize.observe(this.place);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    DARK.removeEventListener('change', this.repaint);
    this.resize.disconnect();
    this.erase();
  }

  override updated(_: PropertyValues): void {
    const data = this.data();
    const key = `${this.language.code} ${this.key()}`;
    if (key !== this.drawnFor) this.erase();
    this.drawnFor = key;
    if (data[0].length === 0) return this.erase();
    if (this.plot) this.plot.setData(data);
    else this.plot = new uPlot(this.allOptions(), data, this.place);
    this.fit();
  }

  private repaint = (): void => {
    this.erase();
    this.requestUpdate();
  };

  private erase(): void {
    this.plot?.destroy();
    this.plot = null;
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (width > 0 && height > 0) this.plot?.setSize({ width, height });
  }

  private allOptions(): Options {
    const style = getComputedStyle(this);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const size = parseFloat(style.fontSize) * 0.8125;
    const axis: Axis = {
      stroke: color('--ink-soft'),
      font: `${size}px ${color('--font')}`,
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    };
    return {
      width: this.place.clientWidth,
      height: this.place.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 1.4 * size, 0, 0],
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 5 * size,
          size: 2.4 * size,
          incrs: [5, 10, 15, 30, 60, 120, 180],
          values: (_plot, minutes) => minutes.map(timeOf),
        },
        {
          ...axis,
          size: (_plot, values) => Math.max(...(values ?? ['0']).map((v) => v.length)) * 0.65 * size + 12,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000],
          values: (_plot, numbers) => numbers.map((n) => this.language.number(n)),
        },
      ],
      series: [],
      ...this.options(color, axis),
    };
  }

  static override styles = [
    look,
    unsafeCSS(chartStyle),
    css`
      :host {
        display: flex;
        flex-direction: column;
      }

      h2 {
        font-size: var(--heading-3);
      }

      header {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-1) var(--space-4);
        align-items: baseline;
        justify-content: space-between;
      }

      /* The day runs from left to right in every language, as its labels are laid out. */
      .plot {
        direction: ltr;
        flex: 1 1 13rem;
        min-inline-size: 0;
        min-block-size: var(--least, 11rem);
        margin-block-start: var(--space-3);
        overflow: hidden;
      }

      .keys {
        display: flex;
        flex-wrap: wrap;
        gap: 0 var(--space-4);
        color: var(--ink-soft);
        font-size: var(--text-small);
      }

      .keys li {
        display: inline-flex;
        gap: var(--space-2);
        align-items: center;
      }

      .keys svg {
        inline-size: 0.9em;
        block-size: 0.9em;
      }
    `,
  ];
}
