import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import * as icons from '../icons';
import { Language } from '../language';
import { look } from '../look';
import * as badgeNumber from './badge-number';
import type { Scan } from './scans';
import { type Telling, verdict } from './verdict';

/** The latest scans, newest first. Fires `undo` with the scan to take back. */
@customElement('recent-scans')
export class RecentScans extends LitElement {
  @property({ attribute: false }) scans: readonly Scan[] = [];
  @property({ attribute: false }) telling: Telling | null = null;

  private language = new Language(this);

  override render() {
    const words = this.language.words.gate;
    const { telling } = this;
    if (!telling || this.scans.length === 0) return html`<p class="hint">${words.recentNone}</p>`;
    return html`<ol>
      ${this.scans.map((scan) => this.renderScan(scan, telling))}
    </ol>`;
  }

  private renderScan(scan: Scan, telling: Telling) {
    const { answer } = scan;
    const words = this.language.words.gate;
    // The device may have been moved since.
    const told = answer && verdict(answer, { ...telling, gate: scan.gate.id });
    const sentence = told?.sentence ?? (scan.fault ? words.failedBy[scan.fault.by] : words.unsent);
    return html`
      <li class=${scan.undone ? 'undone' : ''} data-scan=${scan.id}>
        <span class="mark ${scan.undone ? 'taken-back' : (told?.tone ?? 'unsent')}">
          ${scan.undone ? icons.undo : told ? MARKS[told.tone] : icons.waiting}
          <span class="visually-hidden">${told?.word ?? words.unsent}</span>
        </span>
        <div>
          <p class="who"><bdi>${this.renderWho(scan)}</bdi></p>
          <p class="hint">
            <time datetime=${scan.at.toISOString()}>${telling.clock.time(scan.at)}</time>
            · ${scan.undone ? words.undone : sentence}
          </p>
        </div>
        ${answer?.decision === 'admitted' && !scan.undone ? this.renderUndo(scan) : nothing}
      </li>
    `;
  }

  private renderWho({ answer, who, presented }: Scan) {
    const participant = answer?.participant ?? who;
    if (participant) return html`<b>${participant.family_name}</b> ${participant.given_name}`;
    return 'number' in presented ? badgeNumber.format(presented.number) : '—';
  }

  private renderUndo(scan: Scan) {
    const undo = () => {
      const detail = scan;
      this.dispatchEvent(new CustomEvent('undo', { detail, bubbles: true, composed: true }));
    };
    return html`
      <button class="quiet" @click=${undo}>${icons.undo} ${this.language.words.gate.undo}</button>
    `;
  }

  static override styles = [
    look,
    css`
      li {
        display: grid;
        grid-template-columns: auto 1fr auto;
        gap: var(--space-3);
        align-items: center;
        padding-block: var(--space-3);
        border-block-end: 1px solid var(--line);
      }

      li:last-child {
        border: 0;
      }

      .mark {
        display: grid;
        place-items: center;
        inline-size: 2rem;
        block-size: 2rem;
        border-radius: 50%;
        color: var(--on-answer);
      }

      .mark svg {
        inline-size: 1.1rem;
        block-size: 1.1rem;
      }

      .admitted {
        background: var(--admitted);
      }

      .refused {
        background: var(--refused);
        border-radius: 25%;
      }

      .departed {
        background: var(--departed);
      }

      .taken-back {
        border: 2px solid var(--line-strong);
        color: var(--ink);
      }

      .unsent {
        background: var(--unsent);
        color: var(--on-unsent);
      }

      .who {
        overflow-wrap: anywhere;
        line-height: 1.25;
      }

      .who b {
        text-transform: uppercase;
      }

      .undone .who {
        text-decoration: line-through;
      }

      button {
        padding-inline: var(--space-3);
        font-size: var(--text-small);
      }
    `,
  ];
}

const MARKS = { admitted: icons.check, refused: icons.cross, departed: icons.leaving } as const;
