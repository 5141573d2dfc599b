import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Category, Gate, LatestScan } from '../contract';
import { check, cross, leaving, undo } from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { gateName, nameOf } from '../text';
import { apart, panel } from './panel';

/** The latest scans, newest first. */
@customElement('scan-feed')
export class ScanFeed extends LitElement {
  @property({ attribute: false }) scans: readonly LatestScan[] = [];
  @property({ attribute: false }) gates: readonly Gate[] = [];
  @property({ attribute: false }) categories: readonly Category[] = [];
  @property({ attribute: false }) time: (at: string) => string = (at) => at;

  private language = new Language(this);

  override render() {
    const words = this.language.words.live;
    const takenBack = new Set(this.scans.map(({ undoes }) => undoes));
    return html`
      <h2>${words.latestScans}</h2>
      ${this.scans.length
        ? html`<ol class="scroll" tabindex="0" aria-label=${words.latestScans}>
            ${[...this.scans].reverse().map((scan) => this.renderScan(scan, takenBack.has(scan.scan_id)))}
          </ol>`
        : html`<p class="hint">${words.none}</p>`}
    `;
  }

  private renderScan(scan: LatestScan, isTakenBack: boolean) {
    const words = this.language.words.live;
    const gate = gateName(this.gates, scan.gate, this.language.code);
    const texts: Readonly<Record<string, string>> = { ...words.refusalReasons, ...words.passages };
    const category = scan.category && nameOf(this.categories, scan.category, this.language.code);
    return html`
      <li data-seq=${scan.seq} data-decision=${scan.decision} ?data-taken-back=${isTakenBack}>
        <span class="sign">${signOf(scan)}</span>
        <div>
          <p>
            <strong>${texts[scan.reason] ?? scan.reason}</strong>
            ${scan.name ? html`<bdi data-name>${scan.name}</bdi>` : nothing}
          </p>
          <p class="soft">${apart(category ? [gate, category] : [gate])}</p>
        </div>
        <time>${this.time(scan.at)}</time>
      </li>
    `;
  }

  static override styles = [
    look,
    panel,
    css`
      li {
        display: grid;
        grid-template-columns: auto 1fr auto;
        gap: var(--space-3);
        align-items: start;
      }

      .sign {
        padding-block-start: 0.15em;
        color: var(--good);
      }

      [data-decision='refused'] .sign {
        color: var(--bad);
      }

      [data-decision='undone'] .sign {
        color: var(--ink-soft);
      }

      [data-taken-back] p {
        text-decoration: line-through;
      }

      p {
        overflow-wrap: anywhere;
      }
    `,
  ];
}

function signOf({ decision, direction }: LatestScan) {
  if (decision === 'undone') return undo;
  if (decision === 'refused') return cross;
  return direction === 'out' ? leaving : check;
}
