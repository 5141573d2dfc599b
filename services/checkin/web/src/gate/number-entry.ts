import { css, html, LitElement, nothing } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { Language } from '../language';
import { look } from '../look';
import { fault, format, normalize, type NumberFault } from './badge-number';

/** Where a badge number is typed. Fires `number` with one that passes its check symbol. */
@customElement('number-entry')
export class NumberEntry extends LitElement {
  @state() private typed = '';
  @state() private shown: NumberFault | null = null;

  @query('input') private field!: HTMLInputElement;
  private language = new Language(this);

  override focus(): void {
    this.field.focus();
  }

  override render() {
    const words = this.language.words.gate;
    return html`
      <form @submit=${this.submit} novalidate>
        <label for="number">${words.number}</label>
        <p class="hint" id="hint">${words.numberHint}</p>
        ${this.shown
          ? html`<p class="error" id="error" role="alert">${words.numberFault[this.shown]}</p>`
          : nothing}
        <div>
          <input
            id="number"
            name="number"
            .value=${this.typed}
            @input=${this.type}
            placeholder="7KQ2-M9X1"
            maxlength="12"
            autocomplete="off"
            autocapitalize="characters"
            spellcheck="false"
            enterkeyhint="go"
            aria-invalid=${this.shown !== null}
            aria-describedby="hint ${this.shown ? 'error' : ''}"
          />
          <button>${words.check}</button>
        </div>
      </form>
    `;
  }

  private type(event: InputEvent): void {
    const input = event.target as HTMLInputElement;
    // The hyphen appears by itself, but not under the cursor of somebody who deletes.
    const grows = !event.inputType.startsWith('delete');
    const atEnd = input.selectionStart === input.value.length;
    this.typed = grows && atEnd ? format(input.value) : input.value;
    input.value = this.typed;
    const found = fault(this.typed);
    // Nothing is wrong yet with a number that is not finished.
    this.shown = found === 'incomplete' ? null : found;
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    this.shown = fault(this.typed);
    if (this.shown) return;
    const detail = normalize(this.typed);
    this.typed = '';
    this.dispatchEvent(new CustomEvent('number', { detail, bubbles: true, composed: true }));
  }

  static override styles = [
    look,
    css`
      form,
      form > div {
        display: grid;
        gap: var(--space-2);
      }

      form > div {
        grid-template-columns: 1fr auto;
      }

      input {
        min-inline-size: 0;
        font-family: var(--font-code);
        font-size: 1.4rem;
        letter-spacing: 0.06em;
        text-transform: uppercase;
        direction: ltr;
      }

      input[aria-invalid='true'] {
        border: 2px solid var(--bad);
      }
    `,
  ];
}
