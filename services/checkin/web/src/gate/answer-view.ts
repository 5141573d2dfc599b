import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Category, Participant, ScanAnswer } from '../contract';
import * as icons from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { say } from '../text';
import * as badgeNumber from './badge-number';
import type { Scan } from './scans';
import { type Telling, tone, verdict } from './verdict';

/** The answer, as large as the screen allows: a colour, a shape, a word, then who it is. */
@customElement('answer-view')
export class AnswerView extends LitElement {
  @property({ attribute: false }) scan: Scan | null = null;
  @property({ attribute: false }) telling!: Telling;
  @property({ type: Boolean }) offline = false;
  /** What an answer looks like, for this component's own style */
  @property({ reflect: true }) tone = '';

  private language = new Language(this);

  override willUpdate(): void {
    const answer = this.scan?.answer;
    this.tone = answer ? tone(answer) : this.unanswered;
    this.dataset['decision'] = answer?.decision ?? 'none';
    this.dataset['reason'] = answer?.reason ?? 'none';
  }

  private get unanswered(): 'checking' | 'unsent' {
    return this.scan?.fault || this.offline ? 'unsent' : 'checking';
  }

  override render() {
    if (!this.scan) return nothing;
    const { answer, who } = this.scan;
    const person = answer ? answer.participant : who;
    return html`
      <div class="told">
        ${answer ? this.renderVerdict(answer) : this.renderUnanswered(this.scan)}
        ${person ? this.renderParticipant(person) : nothing}
      </div>
      ${this.renderNext(this.scan)}
    `;
  }

  private renderVerdict(answer: ScanAnswer) {
    const { tone, word, sentence } = verdict(answer, this.telling);
    return html`
      <div class="verdict">
        <h2>${icons[tone]} ${word}</h2>
        <p>${sentence}</p>
      </div>
    `;
  }

  private renderUnanswered({ fault }: Scan) {
    const words = this.language.words.gate;
    if (this.unanswered === 'checking') return html`<p class="checking">${words.checking}</p>`;
    return html`
      <div class="verdict">
        <h2>${icons.unsent} ${fault ? words.failed : words.unsent}</h2>
        <p>${fault ?? words.unsentDetail}</p>
      </div>
    `;
  }

  /** What comes now, beside the camera's tile. */
  private renderNext(scan: Scan) {
    const words = this.language.words.gate;
    const mayOverride = scan.answer?.decision === 'refused' && scan.answer.participant !== null;
    const override = () => this.dispatchEvent(new CustomEvent('override', { detail: scan }));
    return html`
      <div class="next">
        <p>${words.ready}</p>
        ${mayOverride ? html`<button @click=${override}>${words.override}</button>` : nothing}
      </div>
    `;
  }

  private renderParticipant(participant: Participant) {
    const category = this.telling.forum.categories.find(({ id }) => id === participant.category);
    return html`
      <div class="participant">
        <p class="name">
          <bdi><b>${participant.family_name}</b> ${participant.given_name}</bdi>
        </p>
        <p><bdi>${participant.organization}</bdi></p>
        <p>${this.language.country(participant.country)}</p>
        <p class="last">
          ${category ? this.renderCategory(category) : participant.category}
          <span class="number">${badgeNumber.format(participant.number ?? '')}</span>
        </p>
      </div>
    `;
  }

  private renderCategory({ name, color }: Category) {
    return html`
      <span class="category">
        <svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" fill=${color} /></svg>
        ${say(name, this.language.code)}
      </span>
    `;
  }

  static override styles = [
    look,
    css`
      :host {
        --ground: var(--surface);
        --text: var(--ink);
        --sign: var(--ground);
        display: grid;
        grid-template-rows: 1fr auto;
        gap: var(--space-3);
        padding: var(--space-3);
        background: var(--ground);
        color: var(--text);
        overflow-wrap: anywhere;
      }

      :host([tone='admitted']) {
        --ground: var(--admitted);
        --text: var(--on-answer);
      }

      :host([tone='refused']) {
        --ground: var(--refused);
        --text: var(--on-answer);
      }

      :host([tone='departed']) {
        --ground: var(--departed);
        --text: var(--on-answer);
      }

      :host([tone='unsent']) {
        --ground: var(--unsent);
        --text: var(--on-unsent);
      }

      .told {
        display: grid;
        grid-template-rows: 1fr auto;
        gap: var(--space-3);
        min-block-size: 0;
        overflow-y: auto;
      }

      .verdict {
        display: grid;
        place-content: center;
        justify-items: center;
        gap: var(--space-2);
        text-align: center;
      }

      h2 {
        display: grid;
        justify-items: center;
        gap: var(--space-2);
        font-size: clamp(2.4rem, 12vmin, 5.5rem);
        font-weight: 800;
        line-height: 1.05;
        letter-spacing: -0.02em;
      }

      h2 svg {
        inline-size: auto;
        block-size: clamp(4rem, 16vh, 12rem);
      }

      :host(:lang(ar)) h2 {
        letter-spacing: 0;
      }

      .verdict p {
        max-inline-size: 32rem;
        font-size: clamp(1.15rem, 4.8vmin, 1.85rem);
        font-weight: 600;
        line-height: 1.25;
        text-wrap: balance;
      }

      /* A short screen keeps the shape beside the word, so that the name stays in sight. */
      @media (max-height: 44rem) {
        h2 {
          grid-auto-flow: column;
          align-items: center;
          gap: var(--space-3);
        }

        h2 svg {
          block-size: clamp(3.25rem, 11vh, 6rem);
        }
      }

      .checking {
        place-self: center;
        font-size: clamp(1.5rem, 7vmin, 2.5rem);
        font-weight: 700;
      }

      .next {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2) var(--space-3);
        align-items: center;
        justify-content: space-between;
        min-block-size: var(--camera-tile);
        padding-inline-start: calc(var(--camera-tile) + var(--space-3));
        line-height: 1.25;
      }

      .next button {
        min-block-size: 3rem;
        background: transparent;
        border-color: currentcolor;
        color: inherit;
      }

      .next button:focus-visible {
        outline-color: currentcolor;
      }

      .participant {
        inline-size: 100%;
        max-inline-size: 44rem;
        margin-inline: auto;
        padding: var(--space-3) var(--space-4);
        background: var(--surface);
        color: var(--ink);
        border-radius: var(--radius-large);
        line-height: 1.3;
      }

      .name {
        margin-block-end: var(--space-1);
        font-size: clamp(1.4rem, 6vmin, 2.25rem);
        font-weight: 500;
        line-height: 1.15;
      }

      /* On badges of the United Nations' system the family name stands in capitals. */
      .name b {
        font-weight: 800;
        text-transform: uppercase;
      }

      .last {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-1) var(--space-3);
        align-items: center;
        justify-content: space-between;
        margin-block-start: var(--space-2);
      }

      .category {
        display: inline-flex;
        gap: var(--space-2);
        align-items: center;
        font-weight: 700;
      }

      .category svg {
        inline-size: 1.1em;
        block-size: 1.1em;
        border: 1px solid var(--line-strong);
        border-radius: 3px;
      }

      .number {
        font-family: var(--font-code);
        color: var(--ink-soft);
        direction: ltr;
      }

      @media (prefers-reduced-motion: no-preference) {
        h2 svg {
          animation: land 180ms ease-out;
        }

        @keyframes land {
          from {
            transform: scale(0.7);
          }
        }
      }
    `,
  ];
}
