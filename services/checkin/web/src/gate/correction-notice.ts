import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { Language } from '../language';
import { look } from '../look';
import type { Correction } from './scans';
import { type Telling, verdict } from './verdict';

/**
 * Tells that the server judged otherwise than the officer was told, one person after the other: each
 * must be found. Fires `noted` with the correction that was read.
 */
@customElement('correction-notice')
export class CorrectionNotice extends LitElement {
  @property({ attribute: false }) corrections: readonly Correction[] = [];
  @property({ attribute: false }) telling!: Telling;

  private language = new Language(this);

  override render() {
    const [first] = this.corrections;
    if (!first) return nothing;
    const words = this.language.words.gate;
    const { told, answer } = first;
    const now = verdict(answer, this.telling);
    return html`
      <div role="alert">
        <p>${this.renderTitle(first)}</p>
        <p>${words.correctionOf(verdict(told, this.telling).word, now.word)}: ${now.sentence}</p>
      </div>
      <button @click=${() => this.dispatchEvent(new CustomEvent('noted', { detail: first }))}>
        ${words.noted}
      </button>
    `;
  }

  private renderTitle({ told, answer }: Correction) {
    const words = this.language.words.gate;
    const person = answer.participant ?? told.participant;
    const more = this.corrections.length - 1;
    return html`
      ${words.correctionTitle}
      ${person ? html`<bdi><b>${person.family_name}</b> ${person.given_name}</bdi>` : nothing}
      ${more > 0 ? words.moreCorrections(more) : nothing}
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
        font-size: var(--text-small);
        line-height: 1.25;
        overflow-wrap: anywhere;
      }

      b {
        text-transform: uppercase;
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
