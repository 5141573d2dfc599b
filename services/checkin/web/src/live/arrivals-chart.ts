import { css, html, LitElement, unsafeCSS } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import uPlot, { type AlignedData, type Options } from 'uplot';
import chartStyle from 'uplot/dist/uPlot.min.css?inline';
import { Language } from '../language';
import { look } from '../look';
import { type Curve, curve, peak, timeOf } from './arrivals';

const DARK = matchMedia('(prefers-color-scheme: dark)');

/** Arrivals a minute as columns, with their mean over five minutes as a line. */
@customElement('arrivals-chart')
export class ArrivalsChart extends LitElement {
  @property({ attribute: false }) byMinute: Readonly<Record<string, number>> = {};
  /** Minutes since midnight, forum time */
  @property({ type: Number }) now = 0;

  @query('.plot') private place!: HTMLElement;
  private language = new Language(this);
  private plot: uPlot | null = null;
  private plotted = '';
  private resize = new ResizeObserver(() => this.fit());

  override firstUpdated(): void {
    this.resize.observe(this.place);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    DARK.addEventListener('change', this.repaint);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    DARK.removeEventListener('change', this.repaint);
    this.resize.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  private repaint = (): void => {
    this.plot?.destroy();
    this.plot = null;
    this.requestUpdate();
  };

  override render() {
    const words = this.language.words.live;
    const most = peak(this.curve);
    return html`
      <h2>${words.arrivals}</h2>
      <p class="hint">
        ${most ? words.busiest(timeOf(most.minute), most.arrivals) : words.noArrivals}
      </p>
      <div class="plot" ?hidden=${!most} aria-hidden="true"></div>
    `;
  }

  private get curve(): Curve {
    return curve(this.byMinute, this.now);
  }

  override updated(): void {
    const { minutes, arrivals, mean } = this.curve;
    const data: AlignedData = [[...minutes], [...arrivals], [...mean]];
    // A chart's labels are drawn once, in the language of that time.
    if (this.plotted !== this.language.code) this.plot?.destroy();
    if (this.plotted !== this.language.code) this.plot = null;
    this.plotted = this.language.code;
    if (minutes.length === 0) return;
    if (this.plot) this.plot.setData(data);
    else this.plot = new uPlot(this.options(), data, this.place);
    this.fit();
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (width > 0) this.plot?.setSize({ width, height });
  }

  private options(): Options {
    const words = this.language.words.live;
    const style = getComputedStyle(this);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color('--ink-soft'),
      font: `13px ${color('--font')}`,
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    };
    return {
      width: this.place.clientWidth,
      height: this.place.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 24, 0, 0],
      scales: {
        x: { time: false },
        y: { range: (_plot, _min, max) => [0, Math.max(4, Math.ceil(max * 1.1))] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          incrs: [5, 10, 15, 30, 60, 120, 180],
          values: (_plot, minutes) => minutes.map(timeOf),
        },
        { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
      ],
      series: [
        {},
        {
          label: words.arrivals,
          fill: color('--columns'),
          stroke: color('--columns'),
          width: 0,
          points: { show: false },
          ...columns(),
        },
        {
          label: words.arrivalsMean,
          stroke: color('--accent'),
          width: 2.5,
          points: { show: false },
          ...smooth(),
        },
      ],
    };
  }

  static override styles = [
    look,
    unsafeCSS(chartStyle),
    css`
      :host {
        --columns: #a9cdf0;
        display: grid;
        grid-template-rows: auto auto 1fr;
      }

      @media (prefers-color-scheme: dark) {
        :host {
          --columns: #27507a;
        }
      }

      h2 {
        font-size: var(--heading-3);
      }

      /* The day runs from left to right in every language, as its labels are laid out. */
      .plot {
        direction: ltr;
        min-inline-size: 0;
        min-block-size: 14rem;
        margin-block-start: var(--space-3);
        overflow: hidden;
      }
    `,
  ];
}

function columns(): Pick<uPlot.Series, 'paths'> {
  const paths = uPlot.paths.bars?.({ size: [0.8, 24], align: 0 });
  return paths ? { paths } : {};
}

function smooth(): Pick<uPlot.Series, 'paths'> {
  const paths = uPlot.paths.spline?.();
  return paths ? { paths } : {};
}
