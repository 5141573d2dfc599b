import { css, html, LitElement } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { Language } from '../language';
import { look } from '../look';

const MINUTES_A_DAY = 24 * 60;
const STEP = 15;

/** Chooses the day, and the time of it, to look back at. */
@customElement('look-back')
export class LookBack extends LitElement {
  @property({ attribute: false }) days: readonly { readonly id: string; readonly name: string }[] = [];
  @state() private day = '';

  private language = new Language(this);

  override render() {
    const words = this.language.words.live;
    return html`
      <form @submit=${this.ask}>
        <label>
          ${words.day}
          <select name="day" @change=${(event: Event) => (this.day = (event.target as HTMLSelectElement).value)}>
            ${this.days.map(({ id, name }) => html`<option value=${id} ?selected=${id === this.day}>${name}</option>`)}
          </select>
        </label>
        <label>
          ${words.upTo}
          <select name="until">
            <option value="">${words.wholeDay}</option>
            ${times().map((time) => html`<option value=${time}>${time}</option>`)}
          </select>
        </label>
        <button class="quiet">${words.show}</button>
      </form>
    `;
  }

  private ask(event: SubmitEvent): void {
    event.preventDefault();
    const chosen = new FormData(event.target as HTMLFormElement);
    const detail = { day: String(chosen.get('day')), until: String(chosen.get('until')) };
    this.dispatchEvent(new CustomEvent('look-back', { detail }));
  }

  static override styles = [
    look,
    css`
      form {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2) var(--space-4);
        align-items: end;
      }

      label {
        font-size: var(--text-small);
      }

      select {
        inline-size: auto;
        max-inline-size: 100%;
        font-size: 1rem;
      }
    `,
  ];
}

function times(): string[] {
  const two = (n: number) => String(n).padStart(2, '0');
  return Array.from({ length: MINUTES_A_DAY / STEP }, (_, i) => i * STEP).map(
    (minute) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`,
  );
}
