import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { Language, languages, speak } from '../language';
import { look } from '../look';
import './camera-view';
import { pairingCode } from './pairing-code';
import type { PairFault } from './session';

/** Where a device gets its gate: by the lead's QR, a pasted link, or a typed code. Fires `code`. */
@customElement('pair-screen')
export class PairScreen extends LitElement {
  @property() fault: PairFault | null = null;
  @property({ type: Boolean }) busy = false;
  /** The control room has just unpaired this device */
  @property({ type: Boolean }) revoked = false;

  @state() private scanning = false;
  @state() private typed = '';
  @state() private unreadable = false;
  private language = new Language(this);

  override render() {
    const words = this.language.words.gate;
    const fault = this.unreadable ? 'unreadable' : this.fault;
    return html`
      <main>
        <img src="/checkin/web/icon.svg" alt="" width="64" height="64" />
        <h1>${words.pairTitle}</h1>
        ${this.revoked ? html`<p class="error" role="alert">${words.revoked}</p>` : nothing}
        <p>${words.pairDetail}</p>
        ${this.scanning
          ? html`<camera-view .aim=${words.pairAim} @read=${this.read}></camera-view>`
          : html`<button class="scan" ?disabled=${this.busy} @click=${() => (this.scanning = true)}>
              ${words.pairScan}
            </button>`}
        <form @submit=${this.submit} novalidate>
          <label for="code">${words.pairCode}</label>
          ${fault
            ? html`<p class="error" id="error" role="alert">${words.pairFault[fault]}</p>`
            : nothing}
          <input
            id="code"
            name="code"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            enterkeyhint="go"
            aria-invalid=${fault !== null}
            aria-describedby=${fault ? 'error' : nothing}
            .value=${this.typed}
            @input=${this.type}
          />
          <button ?disabled=${this.busy}>${this.busy ? words.pairing : words.pair}</button>
        </form>
      </main>
      <nav aria-label=${words.languageTitle}>
        ${languages.map(
          ([code, name]) => html`
            <button
              class="quiet"
              lang=${code}
              aria-pressed=${code === this.language.code}
              @click=${() => speak(code)}
            >
              ${name}
            </button>
          `,
        )}
      </nav>
    `;
  }

  private read(event: CustomEvent<string>): void {
    const code = pairingCode(event.detail);
    // Whatever else passes the camera is no mistake of the officer's.
    if (!code || this.busy || !event.detail.includes('#')) return;
    this.scanning = false;
    this.give(code);
  }

  private type(event: InputEvent): void {
    this.typed = (event.target as HTMLInputElement).value;
    this.unreadable = false;
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    const code = pairingCode(this.typed);
    this.unreadable = code === null;
    if (code) this.give(code);
  }

  private give(detail: string): void {
    this.dispatchEvent(new CustomEvent('code', { detail }));
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-rows: 1fr auto;
        gap: var(--space-5);
        min-block-size: 100%;
        padding: var(--space-5) var(--space-4);
        overflow-y: auto;
      }

      main {
        display: grid;
        gap: var(--space-4);
        align-content: center;
        inline-size: 100%;
        max-inline-size: 26rem;
        margin-inline: auto;
      }

      h1 {
        font-size: var(--heading-1);
      }

      main > p:not(.error) {
        color: var(--ink-soft);
      }

      .scan,
      form button {
        min-block-size: 3.5rem;
        font-size: var(--text-large);
      }

      camera-view {
        aspect-ratio: 1;
        border-radius: var(--radius-large);
      }

      form {
        display: grid;
        gap: var(--space-2);
        padding-block-start: var(--space-4);
        border-block-start: 1px solid var(--line);
      }

      form button {
        margin-block-start: var(--space-2);
        background: transparent;
        border-color: var(--accent);
        color: var(--accent);
      }

      input {
        font-family: var(--font-code);
        font-size: 1.25rem;
        direction: ltr;
      }

      nav {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2);
        justify-content: center;
      }

      nav button[aria-pressed='false'] {
        border-color: transparent;
      }
    `,
  ];
}
