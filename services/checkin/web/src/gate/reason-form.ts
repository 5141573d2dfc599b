import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { Language } from '../language';
import { look } from '../look';

/** Asks why, by one touch on a usual reason or in own words. Fires `reason` with the text. */
@customElement('reason-form')
export class ReasonForm extends LitElement {
  @property({ attribute: false }) usual: readonly string[] = [];
  @property() action = '';
  @property() fault = '';
  /** More of it, in English */
  @property() detail = '';

  @state() private typed = '';
  private language = new Language(this);

  override render() {
    const words = this.language.words.gate;
    return html`
      ${this.fault ? this.renderFault() : nothing}
      <ul>
        ${this.usual.map(
          (reason) =>
            html`<li>
              <button type="button" class="quiet" @click=${() => this.give(reason)}>${reason}</button>
            </li>`,
        )}
      </ul>
      <form @submit=${this.submit}>
        <label for="reason">${words.reason}</label>
        <p class="hint" id="hint">${words.reasonHint}</p>
        <div>
          <input
            id="reason"
            required
            maxlength="200"
            aria-describedby="hint"
            .value=${this.typed}
            @input=${(event: Event) => (this.typed = (event.target as HTMLInputElement).value)}
          />
          <button>${this.action}</button>
        </div>
      </form>
    `;
  }

  private renderFault() {
    return html`
      <div role="alert">
        <p class="error">${this.fault}</p>
        <p class="hint"><bdi lang="en">${this.detail}</bdi></p>
      </div>
    `;
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    const reason = this.typed.trim();
    if (reason) this.give(reason);
  }

  private give(detail: string): void {
    this.dispatchEvent(new CustomEvent('reason', { detail }));
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        gap: var(--space-4);
      }

      ul,
      form {
        display: grid;
        gap: var(--space-2);
      }

      ul button {
        inline-size: 100%;
        min-block-size: 3.25rem;
        justify-content: start;
        text-align: start;
      }

      form > div {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: var(--space-2);
      }

      input {
        min-inline-size: 0;
      }
    `,
  ];
}
