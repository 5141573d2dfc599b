import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { Language } from '../language';
import { look } from '../look';
import type { Correction } from './scans';
import { type Telling, verdict } from './verdict';

/** Tells that the server judged otherwise than the officer was told. Fires `noted`. */
@customElement('correction-notice')
export class CorrectionNotice extends LitElement {
  @property({ attribute: false }) corrections: readonly Correction[] = [];
  @property({ attribute: false }) telling!: Telling;

  private language = new Language(this);

  override render() {
    const [newest] = this.corrections;
    if (!newest) return nothing;
    const words = this.language.words.gate;
    const more = this.corrections.length - 1;
    return html`
      <div role="alert">
        <p>
          <b>${words.correctionTitle}</b>
          ${more > 0 ? html`<span class="more">+ ${words.corrections(more)}</span>` : nothing}
        </p>
        ${this.renderCorrection(newest)}
      </div>
      <button @click=${() => this.dispatchEvent(new Event('noted'))}>${words.noted}</button>
    `;
  }

  private renderCorrection({ told, answer }: Correction) {
    const person = answer.participant ?? told.participant;
    const now = verdict(answer, this.telling);
    return html`
      ${person
        ? html`<p dir="auto"><b class="family">${person.family_name}</b> ${person.given_name}</p>`
        : nothing}
      <p>
        ${this.language.words.gate.correctionOf(verdict(told, this.telling).word, now.word)}:
        ${now.sentence}
      </p>
    `;
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: var(--space-2) var(--space-3);
        align-items: center;
        padding: var(--space-2) var(--space-3);
        background: var(--unsent);
        color: var(--on-unsent);
        line-height: 1.25;
        overflow-wrap: anywhere;
      }

      .family {
        text-transform: uppercase;
      }

      .more {
        white-space: nowrap;
      }

      button {
        min-block-size: 3rem;
        background: transparent;
        border-color: currentcolor;
        color: inherit;
      }
    `,
  ];
}
