import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Direction } from '../contract';
import type { ForumClock } from '../forum-clock';
import { check, cross } from '../icons';
import { Language } from '../language';
import { look } from '../look';
import type { Tally } from './device';
import type { Link } from './status';

/** Which gate this is, which way it lets people, and whether it is online. Fires `turn`. */
@customElement('gate-header')
export class GateHeader extends LitElement {
  @property() gate = '';
  @property() direction: Direction = 'in';
  /** The gate's own direction; another one stands out, so that nobody forgets it */
  @property() usual: Direction = 'in';
  @property({ attribute: false }) tally: Tally = { day: '', admitted: 0, refused: 0 };
  @property({ attribute: false }) link: Link = { kind: 'online' };
  @property({ attribute: false }) clock!: ForumClock;
  @property({ type: Number }) waiting = 0;

  private language = new Language(this);

  override render() {
    const words = this.language.words.gate;
    return html`
      <h1>${this.gate}</h1>
      <p class="tally tabular">
        <span title=${words.admittedHere(this.tally.admitted)}>
          ${check}<span aria-hidden="true">${this.language.number(this.tally.admitted)}</span>
          <span class="visually-hidden">${words.admittedHere(this.tally.admitted)}</span>
        </span>
        <span title=${words.refusedHere(this.tally.refused)}>
          ${cross}<span aria-hidden="true">${this.language.number(this.tally.refused)}</span>
          <span class="visually-hidden">${words.refusedHere(this.tally.refused)}</span>
        </span>
      </p>
      <p class="link" data-link=${this.link.kind} role="status">${this.status()}</p>
      <div
        class="directions"
        role="radiogroup"
        aria-label=${words.direction}
        ?data-turned=${this.direction !== this.usual}
      >
        ${this.renderDirection('in')} ${this.renderDirection('out')}
      </div>
    `;
  }

  private status(): string {
    const words = this.language.words.gate;
    const state = this.linkState();
    return this.waiting > 0 ? `${state} · ${words.waiting(this.waiting)}` : state;
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
        <span>${this.language.words.gate[direction]}</span>
      </label>
    `;
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        grid-template:
          'gate directions directions' auto
          'link link tally' auto
          / 1fr auto auto;
        gap: var(--space-1) var(--space-3);
        align-items: center;
        padding: var(--space-2) var(--space-3);
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

      .directions {
        grid-area: directions;
        display: flex;
        border: 1px solid var(--on-band-soft);
        border-radius: var(--radius);
        overflow: hidden;
      }

      label {
        position: relative;
        flex: 1;
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
        place-items: center;
        min-inline-size: 3.5rem;
        min-block-size: var(--target);
        padding-inline: var(--space-3);
        font-weight: 600;
      }

      input:checked + span {
        background: var(--on-band);
        color: #0a3a6b;
      }

      [data-turned] input:checked + span {
        background: var(--unsent);
        color: var(--on-unsent);
      }

      input:focus-visible + span {
        outline: 3px solid var(--accent);
        outline-offset: -5px;
      }

      @media (min-width: 60rem), (max-height: 30rem) and (min-width: 40rem) {
        :host {
          grid-template: 'gate link tally directions' auto / auto 1fr auto auto;
          gap: var(--space-5);
          padding-block: var(--space-1);
          padding-inline: var(--space-5);
        }
      }
    `,
  ];
}
