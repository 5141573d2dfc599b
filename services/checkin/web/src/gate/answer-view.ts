import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Category, Participant, ScanAnswer } from '../contract';
import * as icons from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { say } from '../text';
import * as badgeNumber from './badge-number';
import './person-photo';
import type { Photos } from './photos';
import type { Scan } from './scans';
import { mayBeOverridden, type Telling, tone, verdict } from './verdict';

/** The answer, as large as the screen allows: a colour, a shape, a word, then who it is. */
@customElement('answer-view')
export class AnswerView extends LitElement {
  @property({ attribute: false }) scan: Scan | null = null;
  @property({ attribute: false }) telling!: Telling;
  @property({ attribute: false }) photos!: Photos;
  @property({ type: Boolean }) offline = false;
  /** What an answer looks like, for this component's own style */
  @property({ reflect: true }) tone = '';

  private language = new Language(this);

  override willUpdate(): void {
    const answer = this.scan?.answer;
    const undone = this.scan?.undone ? 'undone' : null;
    this.tone = undone ?? (answer ? tone(answer) : this.unanswered);
    this.dataset['decision'] = undone ?? answer?.decision ?? 'none';
    this.dataset['reason'] = answer?.reason ?? 'none';
  }

  private get unanswered(): 'checking' | 'unsent' {
    return this.scan?.fault || this.offline ? 'unsent' : 'checking';
  }

  override render() {
    if (!this.scan) return nothing;
    const { answer, who, undone } = this.scan;
    const person = answer ? answer.participant : who;
    return html`
      <div class="told">
        ${undone
          ? this.renderUndone()
          : answer
            ? this.renderVerdict(answer)
            : this.renderUnanswered(this.scan)}
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

  /** Nobody may take what was taken back for an answer. */
  private renderUndone() {
    return html`
      <div class="verdict">
        <h2>${icons.undo} ${this.language.words.gate.undone}</h2>
      </div>
    `;
  }

  private renderUnanswered({ fault }: Scan) {
    const words = this.language.words.gate;
    if (this.unanswered === 'checking') return html`<p class="checking">${words.checking}</p>`;
    return html`
      <div class="verdict">
        <h2>${icons.unsent} ${fault ? words.failed : words.unsent}</h2>
        <p>${fault ? words.failedBy[fault.by] : words.unsentDetail}</p>
        ${fault ? html`<p class="detail"><bdi lang="en">${fault.detail}</bdi></p>` : nothing}
      </div>
    `;
  }

  /** What comes now, beside the camera's tile. */
  private renderNext(scan: Scan) {
    const words = this.language.words.gate;
    const mayOverride = scan.answer !== null && mayBeOverridden(scan.answer);
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
        <person-photo .person=${participant} .photos=${this.photos}></person-photo>
        <div>
          <p class="name">
            <bdi><b>${participant.family_name}</b> ${participant.given_name}</bdi>
          </p>
          <p><bdi>${participant.organization}</bdi></p>
          <p>${this.language.country(participant.country)}</p>
        </div>
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
        block-size: clamp(4rem, 13vh, 12rem);
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

      .verdict .detail {
        font-size: var(--text-small);
        font-weight: 400;
      }

      /* Chinese may break between any two characters; an answer reads faster by its phrases. */
      :host(:lang(zh)) .verdict p {
        word-break: keep-all;
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
        justify-content: space-evenly;
        min-block-size: var(--camera-tile);
        padding-inline-start: var(--camera-room);
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
        --photo: clamp(4.5rem, min(28vw, 14vh), 10rem);
        display: grid;
        grid-template-columns: auto 1fr;
        gap: var(--space-2) var(--space-3);
        align-items: center;
        inline-size: 100%;
        max-inline-size: 44rem;
        margin-inline: auto;
        padding: var(--space-3) var(--space-4);
        background: var(--surface);
        color: var(--ink);
        border-radius: var(--radius-large);
        line-height: 1.3;
      }

      /* Beside a name of many lines too, the face is at the top, where it is always in sight. */
      person-photo {
        align-self: start;
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
        grid-column: 1 / -1;
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-1) var(--space-3);
        align-items: center;
        justify-content: space-between;
      }

      @media (min-width: 40rem) {
        .participant {
          grid-template-rows: 1fr auto;
        }

        person-photo {
          grid-row: 1 / 3;
        }

        .last {
          grid-column: 2;
        }
      }

      @media (max-height: 44rem) {
        .participant {
          gap: var(--space-1) var(--space-3);
          padding: var(--space-2) var(--space-3);
          font-size: var(--text-small);
          line-height: 1.25;
        }

        .name {
          margin: 0;
          font-size: 1.2rem;
        }
      }

      /* On a phone held across, word and person stand side by side. */
      @media (max-height: 30rem) and (min-width: 40rem) {
        .told {
          grid-template: 1fr / 1fr 1fr;
          align-items: start;
        }
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

      /* A short screen names the category, which the eye compares, before the organization. */
      @media (max-height: 44rem) {
        .participant {
          display: grid;
        }

        .name,
        .last {
          order: -1;
        }

        .next p:not(:only-child) {
          display: none;
        }
      }

      @media (max-height: 36rem) and (max-width: 40rem) {
        :host,
        .told {
          gap: var(--space-2);
        }

        :host {
          padding-block: var(--space-2);
        }

        .participant {
          padding: var(--space-2) var(--space-3);
          line-height: 1.2;
        }

        .name {
          font-size: 1.2rem;
        }

        .last {
          margin-block-start: 0;
        }
      }

      /* A phone on its side: what comes next, the word and the person stand beside each other. */
      @media (max-height: 30rem) and (min-width: 40rem) {
        :host {
          grid-template: 1fr / 11rem 1fr;
        }

        .told {
          grid-template: 1fr / minmax(0, 1fr) minmax(0, 1.2fr);
          align-items: center;
        }

        .verdict:only-child {
          grid-column: 1 / -1;
        }

        .verdict {
          gap: var(--space-1);
        }

        .verdict h2 {
          grid-auto-flow: row;
          gap: var(--space-1);
        }

        h2 svg {
          block-size: 3rem;
        }

        .next {
          flex-direction: column;
          align-items: stretch;
          justify-content: end;
          order: -1;
          padding-inline-start: 0;
          padding-block-end: var(--camera-room);
        }
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
