import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Direction } from '../contract';
import type { ForumClock } from '../forum-clock';
import { check, cross, leaving } from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { NO_TALLY, type Tally } from './device';
import type { Link } from './status';

// A scan waits for its answer for a tenth of that: nobody need be told, least of all by a screen
// reader between two answers.
const WORTH_SAYING_MS = 1000;

/** Which gate this is, which way it lets people, and whether it is online. Fires `turn`. */
@customElement('gate-header')
export class GateHeader extends LitElement {
  @property() gate = '';
  @property() direction: Direction = 'in';
  /** The gate's own direction; another one stands out, so that nobody forgets it */
  @property() usual: Direction = 'in';
  @property({ attribute: false }) tally: Tally = NO_TALLY;
  @property({ attribute: false }) link: Link = { kind: 'online' };
  @property({ attribute: false }) clock!: ForumClock;
  @property({ type: Number }) waiting = 0;

  /** Scans have been waiting for a while */
  @state() private saysWaiting = false;

  private language = new Language(this);
  private patience: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.patience);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('waiting')) return;
    if (this.waiting === 0) {
      clearTimeout(this.patience);
      this.patience = undefined;
      this.saysWaiting = false;
    } else {
      this.patience ??= setTimeout(() => (this.saysWaiting = true), WORTH_SAYING_MS);
    }
  }

  override render() {
    const words = this.language.words.gate;
    const { admitted, departed, refused } = this.tally;
    return html`
      <h1>${this.gate}</h1>
      <p class="tally tabular">
        ${this.renderCount(check, admitted, words.admittedHere(admitted))}
        ${departed > 0 ? this.renderCount(leaving, departed, words.departedHere(departed)) : nothing}
        ${this.renderCount(cross, refused, words.refusedHere(refused))}
      </p>
      <p class="link" data-link=${this.link.kind} role="status">${this.status()}</p>
      <div
        class="directions"
        role="radiogroup"
        aria-label=${words.direction}
        ?data-turned=${this.isTurned}
      >
        ${this.renderDirection('in')} ${this.renderDirection('out')}
      </div>
      <p class="counting" role="status">${this.isTurned ? words.counting[this.direction] : nothing}</p>
    `;
  }

  private get isTurned(): boolean {
    return this.direction !== this.usual;
  }

  private renderCount(icon: TemplateResult, count: number, sentence: string) {
    return html`
      <span title=${sentence}>
        ${icon}<span aria-hidden="true">${this.language.number(count)}</span>
        <span class="visually-hidden">${sentence}</span>
      </span>
    `;
  }

  private status(): string {
    const words = this.language.words.gate;
    const state = this.linkState();
    return this.saysWaiting ? `${state} · ${words.waiting(this.waiting)}` : state;
  }

  private linkState(): string {
    const words = this.language.words.gate;
    switch (this.link.kind) {
      case 'online':
        return words.online;
      case 'offline':
        return words.offlineSince(this.clock.time(this.link.since));
      case 'old':
        return words.copyOld(this.link.minutes);
    }
  }

  private renderDirection(direction: Direction) {
    return html`
      <label>
        <input
          type="radio"
          name="direction"
          value=${direction}
          .checked=${this.direction === direction}
          @change=${() => this.dispatchEvent(new CustomEvent('turn', { detail: direction }))}
        />
        <span>${this.direction === direction ? check : nothing}${this.language.words.gate[direction]}</span>
      </label>
    `;
  }

  static override styles = [
    look,
    css`
      :host {
        --side: var(--space-3);
        display: grid;
        grid-template:
          'gate directions directions' auto
          'link link tally' auto
          'counting counting counting' auto
          / 1fr auto auto;
        gap: var(--space-1) var(--space-3);
        align-items: center;
        padding: var(--space-2) var(--side);
        background: var(--band);
        color: var(--on-band);
      }

      h1 {
        grid-area: gate;
        font-size: 1.15rem;
        line-height: 1.15;
        overflow-wrap: anywhere;
      }

      .tally {
        grid-area: tally;
        display: flex;
        gap: var(--space-3);
        justify-content: end;
        font-weight: 600;
      }

      .tally > span {
        display: inline-flex;
        gap: var(--space-1);
        align-items: center;
      }

      .tally svg {
        inline-size: 1em;
        block-size: 1em;
      }

      .link {
        grid-area: link;
        display: flex;
        gap: var(--space-2);
        align-items: center;
        color: var(--on-band-soft);
        font-size: var(--text-small);
        line-height: 1.25;
      }

      .link::before {
        content: '';
        flex: none;
        inline-size: 0.65rem;
        block-size: 0.65rem;
        border-radius: 50%;
        background: #6fe3a0;
      }

      .link[data-link]:not([data-link='online']) {
        justify-self: start;
        padding: 0.1rem 0.6rem;
        border-radius: var(--radius-large);
        background: var(--unsent);
        color: var(--on-unsent);
        font-weight: 600;
      }

      .link[data-link]:not([data-link='online'])::before {
        border: 2px solid currentcolor;
        background: none;
      }

      /* Whoever forgets to turn the gate back counts a whole queue the wrong way. */
      .counting {
        grid-area: counting;
        margin: 0 calc(-1 * var(--side)) calc(-1 * var(--space-2));
        padding-inline: var(--side);
        border-block: 0.35rem solid transparent;
        background:
          linear-gradient(var(--unsent), var(--unsent)) padding-box,
          repeating-linear-gradient(-45deg, var(--on-unsent) 0 0.75rem, var(--unsent) 0 1.5rem)
            border-box;
        color: var(--on-unsent);
        font-size: clamp(1.2rem, 6.25vw, 1.5rem);
        font-weight: 800;
        line-height: 1.15;
        text-align: center;
      }

      .counting:empty {
        display: none;
      }

      .directions {
        grid-area: directions;
        display: grid;
        grid-auto-flow: column;
        grid-auto-columns: 1fr;
        border: 1px solid var(--on-band-soft);
        border-radius: var(--radius);
        overflow: hidden;
      }

      label {
        position: relative;
        cursor: pointer;
      }

      input {
        position: absolute;
        inset: 0;
        min-block-size: 0;
        opacity: 0;
        cursor: pointer;
      }

      label span {
        display: grid;
        gap: 2px;
        place-content: center;
        place-items: center;
        /* For a thumb in a glove, which is wider than a finger */
        min-inline-size: 4.5rem;
        min-block-size: 3.5rem;
        padding-inline: var(--space-2);
        color: var(--on-band-soft);
        font-weight: 600;
        line-height: 1.1;
      }

      label svg {
        inline-size: 1.1rem;
        block-size: 1.1rem;
      }

      input:checked + span {
        background: var(--on-band);
        color: #0a3a6b;
        font-weight: 800;
      }

      [data-turned] input:checked + span {
        background: var(--unsent);
        color: var(--on-unsent);
      }

      input:focus-visible + span {
        outline: 3px solid var(--accent);
        outline-offset: -5px;
      }

      /* A short screen needs the room for the name. */
      @media (min-height: 50rem) {
        .counting {
          padding-block: var(--space-2);
          border-block-width: 0.5rem;
          font-size: clamp(1.25rem, 6.5vw, 1.75rem);
        }
      }

      @media (min-width: 60rem), (max-height: 30rem) and (min-width: 40rem) {
        :host {
          grid-template:
            'gate link tally directions' auto
            'counting counting counting counting' auto
            / auto 1fr auto auto;
          --side: var(--space-5);
          gap: var(--space-1) var(--space-5);
        }
      }

      /* On a phone held across, each line here is one less for the answer. */
      @media (max-height: 30rem) and (min-width: 40rem) {
        :host {
          padding-block: var(--space-1);
        }

        .counting {
          margin-block-end: calc(-1 * var(--space-1));
          font-size: 1.15rem;
        }

        label span {
          grid-auto-flow: column;
          min-block-size: 3rem;
        }
      }
    `,
  ];
}
