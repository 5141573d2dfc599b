import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { list } from '../icons';
import { Language, languages, speak } from '../language';
import { look } from '../look';
import * as device from './device';
import { signal, unlockSound } from './signals';

/** Counters, who is inside, language, sound, and the way out. Fires `evacuation` and `unpair`. */
@customElement('more-menu')
export class MoreMenu extends LitElement {
  @property({ type: Number }) waiting = 0;
  @property({ attribute: false }) tally: device.Tally = device.NO_TALLY;
  /** How many are inside the gate's zone, and how many may be; null for not known and no limit */
  @property({ attribute: false }) inside: number | null = null;
  @property({ attribute: false }) capacity: number | null = null;

  @state() private muted = device.muted.recall();
  /** Unpairing was asked for once, and must be again */
  @state() private unpairing = false;
  @query('.unpair button:last-child') private lowest!: HTMLButtonElement;
  private language = new Language(this);

  override render() {
    const words = this.language.words.gate;
    return html`
      <section class="tabular">
        <h3>${words.counters}</h3>
        <ul>
          <li>${words.admittedHere(this.tally.admitted)}</li>
          <li>${words.departedHere(this.tally.departed)}</li>
          <li>${words.refusedHere(this.tally.refused)}</li>
          <li>${words.waiting(this.waiting)}</li>
          ${this.inside === null ? nothing : html`<li>${this.insideNow(this.inside)}</li>`}
        </ul>
      </section>
      <section>
        <button class="quiet" @click=${() => this.dispatchEvent(new Event('evacuation'))}>
          ${list} ${words.evacuation}
        </button>
      </section>
      <section>
        <label for="language">${words.languageTitle}</label>
        <select
          id="language"
          @change=${(event: Event) => speak((event.target as HTMLSelectElement).value)}
        >
          ${languages.map(
            ([code, name]) => html`
              <option value=${code} lang=${code} ?selected=${code === this.language.code}>
                ${name}
              </option>
            `,
          )}
        </select>
      </section>
      <section>
        <label class="switch">
          <input type="checkbox" role="switch" .checked=${!this.muted} @change=${this.mute} />
          ${words.sound}
        </label>
        <button class="quiet" ?disabled=${this.muted} @click=${this.test}>${words.soundTest}</button>
      </section>
      <section class="unpair">
        ${this.waiting > 0
          ? html`<p class="error" role="alert">${words.unpairWaiting(this.waiting)}</p>`
          : html`<p class="hint">${words.unpairDetail}</p>`}
        ${this.unpairing
          ? this.renderSecondStep()
          : html`<button class="danger" @click=${() => this.ask(true)}>${words.unpair}</button>`}
      </section>
    `;
  }

  /**
   * A thumb that slips must not cost the names and the scans that wait. Where it touched the first
   * button, at the foot of the sheet, it now touches the way back.
   */
  private renderSecondStep() {
    const { gate, cancel } = this.language.words;
    return html`
      <button class="danger" @click=${() => this.dispatchEvent(new Event('unpair'))}>
        ${this.waiting > 0 ? gate.unpairAndLose(this.waiting) : gate.unpairReally}
      </button>
      <button class="quiet" @click=${() => this.ask(false)}>${cancel}</button>
    `;
  }

  private async ask(unpairing: boolean): Promise<void> {
    this.unpairing = unpairing;
    await this.updateComplete;
    this.lowest.focus();
  }

  private insideNow(inside: number): string {
    const words = this.language.words.gate;
    const count = this.language.number(inside);
    if (this.capacity === null) return words.insideNow(count);
    return words.insideOf(count, this.language.number(this.capacity));
  }

  private mute(event: Event): void {
    this.muted = !(event.target as HTMLInputElement).checked;
    device.muted.keep(this.muted);
  }

  private test(): void {
    unlockSound();
    signal('admitted');
    setTimeout(() => signal('refused'), 900);
  }

  static override styles = [
    look,
    css`
      section {
        display: grid;
        gap: var(--space-2);
        padding-block: var(--space-4);
        border-block-start: 1px solid var(--line);
      }

      section:first-child {
        padding-block-start: 0;
        border: 0;
      }

      section:last-child {
        padding-block-end: 0;
      }

      button {
        min-block-size: 3rem;
      }

      .switch {
        display: flex;
        gap: var(--space-3);
        align-items: center;
        min-block-size: var(--target);
      }

      .switch input {
        inline-size: 1.5rem;
        block-size: 1.5rem;
        min-block-size: 0;
        accent-color: var(--accent);
      }
    `,
  ];
}
