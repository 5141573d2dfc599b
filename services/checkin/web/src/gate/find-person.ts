import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { Direction, Found } from '../contract';
import { cross } from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { nameOf } from '../text';
import * as badgeNumber from './badge-number';
import { stopOf } from './people';
import './person-photo';
import type { Photos } from './photos';
import type { Finding } from './session';
import type { Telling } from './verdict';

const PAUSE_MS = 200;

/** Somebody without a badge in hand, looked up by name. Fires `number` to scan one's number. */
@customElement('find-person')
export class FindPerson extends LitElement {
  @property({ attribute: false }) find!: (query: string) => Promise<Finding>;
  @property({ attribute: false }) telling!: Telling;
  @property({ attribute: false }) photos!: Photos;
  @property() direction: Direction = 'in';

  @state() private finding: Finding | null = null;

  @query('input') private field!: HTMLInputElement;
  private language = new Language(this);
  private query = '';
  private timer: ReturnType<typeof setTimeout> | undefined;

  override focus(): void {
    this.field.focus();
  }

  override render() {
    const words = this.language.words.gate;
    return html`
      <form role="search" @submit=${this.submit}>
        <label for="query">${words.findName}</label>
        <p class="hint" id="hint">${words.findHint}</p>
        <input
          id="query"
          type="search"
          autocomplete="off"
          spellcheck="false"
          enterkeyhint="search"
          aria-describedby="hint"
          @input=${this.type}
        />
      </form>
      <div aria-live="polite">${this.finding ? this.renderFinding(this.finding) : nothing}</div>
    `;
  }

  private renderFinding({ items, copiedAt }: Finding) {
    const words = this.language.words.gate;
    const { clock } = this.telling;
    return html`
      ${copiedAt ? html`<p class="hint">${words.findFromCopy(clock.time(copiedAt))}</p>` : nothing}
      ${items.length === 0 ? html`<p class="hint">${words.findNone}</p>` : nothing}
      <ul>
        ${items.map((person) => this.renderPerson(person))}
      </ul>
    `;
  }

  private renderPerson(person: Found) {
    const { categories } = this.telling.forum;
    return html`
      <li data-registration=${person.registration_id}>
        <person-photo .person=${person} .photos=${this.photos}></person-photo>
        <div>
          <p class="name"><bdi><b>${person.family_name}</b> ${person.given_name}</bdi></p>
          <p><bdi>${person.organization}</bdi></p>
          <p class="hint">
            ${this.language.country(person.country)} ·
            ${nameOf(categories, person.category, this.language.code)}
          </p>
          ${this.renderStop(person)}
          <p class=${person.inside ? 'inside' : 'hint'}>${this.whereabouts(person)}</p>
        </div>
        ${this.renderAdmit(person)}
      </li>
    `;
  }

  private renderStop(person: Found) {
    const stop = stopOf(person);
    if (!stop) return nothing;
    return html`<p class="stop">${cross} ${this.language.words.reasons[stop]}</p>`;
  }

  private renderAdmit(person: Found) {
    const words = this.language.words.gate;
    const { number } = person;
    if (number === null) return html`<p class="hint">${words.noBadge}</p>`;
    // Nobody is kept inside by a rule.
    if (this.direction === 'in' && stopOf(person)) {
      return html`<p class="hint"><span class="number">${badgeNumber.format(number)}</span></p>`;
    }
    const admit = () => this.dispatchEvent(new CustomEvent('number', { detail: number }));
    return html`
      <button @click=${admit}>
        ${this.direction === 'in' ? words.admitByNumber : words.leaveByNumber}
        <span class="number">${badgeNumber.format(number)}</span>
      </button>
    `;
  }

  private whereabouts({ inside, inside_since, entrance }: Found): string {
    const words = this.language.words.gate;
    if (!inside) return words.isOutside;
    if (!inside_since || !entrance) return words.isInside;
    const { clock, forum, language } = this.telling;
    return words.isInsideSince(clock.time(inside_since), nameOf(forum.entrances, entrance, language));
  }

  private type(event: InputEvent): void {
    this.query = (event.target as HTMLInputElement).value;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), PAUSE_MS);
  }

  private submit(event: SubmitEvent): void {
    event.preventDefault();
    clearTimeout(this.timer);
    void this.look();
  }

  private async look(): Promise<void> {
    const { query } = this;
    const finding = query.trim() === '' ? null : await this.find(query);
    // An answer may be overtaken by the next letter's.
    if (query === this.query) this.finding = finding;
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        gap: var(--space-3);
      }

      form {
        display: grid;
        gap: var(--space-2);
      }

      li {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: var(--space-2) var(--space-3);
        align-items: start;
        padding-block: var(--space-3);
        border-block-end: 1px solid var(--line);
        line-height: 1.25;
        overflow-wrap: anywhere;
      }

      li:last-child {
        border: 0;
      }

      li > :last-child {
        grid-column: 1 / -1;
      }

      li > div {
        display: grid;
        gap: var(--space-1);
      }

      .name {
        font-size: var(--text-large);
      }

      .name b {
        text-transform: uppercase;
      }

      .inside {
        font-weight: 700;
      }

      .stop {
        display: flex;
        gap: var(--space-2);
        align-items: center;
        padding: var(--space-1) var(--space-2);
        border-radius: var(--radius);
        background: var(--refused);
        color: var(--on-answer);
        font-weight: 700;
      }

      .stop svg {
        flex: none;
        inline-size: 1.1em;
        block-size: 1.1em;
      }

      button {
        flex-wrap: wrap;
        min-block-size: 3rem;
      }

      .number {
        font-family: var(--font-code);
        direction: ltr;
      }
    `,
  ];
}
