import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { minus, plus, torch } from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { type CameraFault, Scanner, type Zoom } from './scanner';

const FAULTS = {
  denied: 'cameraDenied',
  missing: 'cameraMissing',
  busy: 'cameraBusy',
  insecure: 'cameraInsecure',
} as const satisfies Record<CameraFault, string>;

/** The camera's picture with its frame, light and choice of camera. Fires `read` with each text. */
@customElement('camera-view')
export class CameraView extends LitElement {
  /** A tile beside an answer, without words or buttons */
  @property({ type: Boolean, reflect: true }) small = false;
  /** What to hold before it */
  @property() aim = '';

  @query('video') private video!: HTMLVideoElement;
  private scanner: Scanner | null = null;
  private language = new Language(this);

  override firstUpdated(): void {
    this.scanner = new Scanner(
      this.video,
      (text) => this.dispatchEvent(new CustomEvent('read', { detail: text })),
      () => this.requestUpdate(),
    );
    document.addEventListener('visibilitychange', this.followVisibility);
    this.followVisibility();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('visibilitychange', this.followVisibility);
    this.scanner?.close();
  }

  /** A hidden page has no use for the camera, and its light would empty the battery. */
  private followVisibility = (): void => {
    if (document.visibilityState === 'visible') void this.scanner?.start();
    else this.scanner?.stop();
  };

  override willUpdate(): void {
    this.toggleAttribute('data-fault', Boolean(this.scanner?.fault));
  }

  override render() {
    const fault = this.scanner?.fault;
    return html`
      <video playsinline muted aria-label=${this.aim}></video>
      <div class="frame" ?hidden=${!this.scanner?.running}></div>
      ${fault ? this.renderFault(fault) : this.renderGuide()}
    `;
  }

  private renderFault(fault: CameraFault) {
    const { gate, retry } = this.language.words;
    return html`
      <div class="fault" role="alert">
        <p>${gate[FAULTS[fault]]}</p>
        <button @click=${() => this.scanner?.start()}>${retry}</button>
      </div>
    `;
  }

  private renderGuide() {
    if (this.small) return nothing;
    const words = this.language.words.gate;
    const scanner = this.scanner;
    return html`
      <p class="aim">${scanner?.running ? this.aim : words.cameraStarting}</p>
      <div class="tools">
        ${scanner && scanner.cameras.length > 1 ? this.renderCameras(scanner) : nothing}
        ${scanner?.zoom ? this.renderZoom(scanner, scanner.zoom) : nothing}
        ${scanner && scanner.torch !== null ? this.renderTorch(scanner, scanner.torch) : nothing}
      </div>
    `;
  }

  private renderCameras(scanner: Scanner) {
    const words = this.language.words.gate;
    return html`
      <select
        aria-label=${words.camera}
        @change=${(event: Event) => scanner.choose((event.target as HTMLSelectElement).value)}
      >
        ${scanner.cameras.map(
          ({ id, label }, index) =>
            html`<option value=${id} ?selected=${id === scanner.chosen}>
              ${label || words.cameraName(index + 1)}
            </option>`,
        )}
      </select>
    `;
  }

  private enlargement({ value, min, max }: Zoom): string {
    if (min <= 0) return this.language.share(value - min, max - min);
    return `${this.language.number(Math.round((value / min) * 10) / 10)}×`;
  }

  private renderZoom(scanner: Scanner, zoom: Zoom) {
    const { value, min, max } = zoom;
    const words = this.language.words.gate;
    return html`
      <div class="zoom" role="group" aria-label=${words.zoom}>
        <button
          aria-label=${words.zoomOut}
          ?disabled=${value <= min}
          @click=${() => scanner.enlarge(-1)}
        >
          ${minus}
        </button>
        <output class="tabular">${this.enlargement(zoom)}</output>
        <button
          aria-label=${words.zoomIn}
          ?disabled=${value >= max}
          @click=${() => scanner.enlarge(1)}
        >
          ${plus}
        </button>
      </div>
    `;
  }

  private renderTorch(scanner: Scanner, lit: boolean) {
    return html`
      <button class="light" aria-pressed=${lit} @click=${() => scanner.light(!lit)}>
        ${torch} ${this.language.words.gate.torch}
      </button>
    `;
  }

  static override styles = [
    look,
    css`
      :host {
        position: relative;
        display: block;
        overflow: hidden;
        background: #0b131d;
        color: #ffffff;
      }

      /* A tile has no room for words; the officer read them before the first scan. */
      :host([small][data-fault]) {
        display: none;
      }

      video {
        position: absolute;
        inset: 0;
        inline-size: 100%;
        block-size: 100%;
        object-fit: cover;
      }

      /* Four corners: what stands between them is read. */
      .frame {
        --arm: 2.25rem;
        --bar: 4px;
        --ink: linear-gradient(#ffffff, #ffffff);
        position: absolute;
        inset: 0;
        margin: auto;
        inline-size: min(72%, 60vmin, 22rem);
        aspect-ratio: 1;
        border-radius: 6px;
        background:
          var(--ink) 0 0 / var(--arm) var(--bar),
          var(--ink) 0 0 / var(--bar) var(--arm),
          var(--ink) 100% 0 / var(--arm) var(--bar),
          var(--ink) 100% 0 / var(--bar) var(--arm),
          var(--ink) 0 100% / var(--arm) var(--bar),
          var(--ink) 0 100% / var(--bar) var(--arm),
          var(--ink) 100% 100% / var(--arm) var(--bar),
          var(--ink) 100% 100% / var(--bar) var(--arm);
        background-repeat: no-repeat;
        box-shadow: 0 0 0 100vmax rgb(5 12 20 / 0.35);
      }

      :host([small]) .frame {
        --arm: 1rem;
        --bar: 3px;
        box-shadow: none;
      }

      .aim {
        position: absolute;
        inset-inline: 0;
        inset-block-start: var(--space-3);
        padding-inline: var(--space-4);
        font-weight: 600;
        text-align: center;
        text-shadow: 0 1px 3px #000000;
        text-wrap: balance;
      }

      .tools {
        position: absolute;
        inset-inline: var(--space-3);
        inset-block-end: var(--space-3);
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
        justify-content: space-between;
      }

      .tools select {
        inline-size: auto;
        max-inline-size: 60%;
        min-block-size: var(--target);
        background-color: rgb(5 12 20 / 0.75);
        border-color: rgb(255 255 255 / 0.6);
      }

      .tools select option {
        color: var(--ink);
        background: var(--surface);
      }

      .tools button {
        background: rgb(5 12 20 / 0.75);
        border-color: rgb(255 255 255 / 0.6);
        color: #ffffff;
      }

      .zoom {
        display: flex;
        gap: var(--space-2);
        align-items: center;
      }

      .zoom button {
        inline-size: var(--target);
        padding: 0;
      }

      .zoom output {
        min-inline-size: 2.5em;
        font-weight: 600;
        text-align: center;
        text-shadow: 0 1px 3px #000000;
      }

      .light {
        margin-inline-start: auto;
      }

      .tools .light[aria-pressed='true'] {
        background: #ffffff;
        color: #12202f;
      }

      .fault {
        position: absolute;
        inset: 0;
        display: grid;
        gap: var(--space-4);
        place-content: center;
        justify-items: center;
        padding: var(--space-4);
        text-align: center;
        text-wrap: balance;
        background: #0b131d;
      }

      .fault button {
        background: #ffffff;
        color: #12202f;
      }

      :focus-visible {
        outline-color: #ffffff;
      }
    `,
  ];
}
