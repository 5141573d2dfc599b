import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Alert, Gate } from '../contract';
import { unsent } from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { gateName } from '../text';
import { detailOf } from './alert-detail';
import { more, Overflow } from './overflow';
import { apart, panel } from './panel';
import { acknowledge } from './stream';

const SEEN_SHOWN = 20;

/** What cannot wait, most urgent first; then all other kinds. Of one kind the newest comes first. */
const URGENT: readonly string[] = [
  'roll_call',
  'forged_badge',
  'stopped_badge_admitted',
  'stopped_badge_shown',
  'double_use',
  'venue_full',
  'unknown_badges',
];

function urgency({ kind }: Alert): number {
  const place = URGENT.indexOf(kind);
  return place < 0 ? URGENT.length : place;
}

/** What a person in charge should look at; leads say that they have. */
@customElement('alert-list')
export class AlertList extends LitElement {
  @property({ attribute: false }) alerts: readonly Alert[] = [];
  @property({ attribute: false }) gates: readonly Gate[] = [];
  /** Hours and minutes of a moment */
  @property({ attribute: false }) time: (at: string) => string = (at) => at;
  @property({ type: Boolean }) lead = false;
  @property({ type: Boolean, reflect: true }) wall = false;
  @state() private failed = '';

  private language = new Language(this);
  private overflow = new Overflow(this, 'ul.scroll');

  override render() {
    const words = this.language.words.live;
    const open = this.alerts
      .filter((alert) => alert.acknowledged_at === null)
      .sort((one, other) => urgency(one) - urgency(other));
    const seen = this.alerts.filter((alert) => alert.acknowledged_at !== null);
    return html`
      <h2>
        ${words.alerts}
        ${open.length
          ? html`<span class="number tabular" data-open=${open.length}>${this.language.number(open.length)}</span>`
          : nothing}
      </h2>
      <div role="status" class=${open.length ? 'visually-hidden' : 'hint'}>
        ${open.length ? words.alertKinds[kindOf(open[0])] : words.noAlerts}
      </div>
      ${open.length
        ? html`<ul class="scroll" tabindex=${this.wall ? -1 : 0} aria-label=${words.alerts}>
            ${open.map((alert) => this.renderOpen(alert))}
          </ul>`
        : nothing}
      ${this.wall && open.length && this.overflow.count
        ? more(this.overflow.count, this.language)
        : nothing}
      ${seen.length && !this.wall ? this.renderSeen(seen) : nothing}
    `;
  }

  private renderOpen(alert: Alert) {
    const words = this.language.words.live;
    return html`
      <li class="open" data-kind=${alert.kind} data-alert=${alert.id}>
        <span class="sign">${unsent}</span>
        <div>
          <p><strong>${words.alertKinds[kindOf(alert)]}</strong> ${this.who(alert)}</p>
          <p class="soft">${apart(this.where(alert))}</p>
          ${this.failed === alert.id ? html`<p class="error" role="alert">${words.failed}</p>` : nothing}
        </div>
        ${this.lead && !this.wall
          ? html`<button class="quiet small" @click=${() => void this.seenTo(alert)}
              aria-label="${words.acknowledge}: ${this.spoken(alert)}">
              ${words.acknowledge}
            </button>`
          : nothing}
      </li>
    `;
  }

  private renderSeen(seen: readonly Alert[]) {
    const words = this.language.words.live;
    return html`
      <details>
        <summary>${words.seenTo(this.language.number(seen.length))}</summary>
        <ul>
          ${seen.slice(0, SEEN_SHOWN).map(
            (alert) => html`
              <li data-kind=${alert.kind} data-alert=${alert.id}>
                ${words.alertKinds[kindOf(alert)]} ${this.who(alert)}
                <p class="soft">${apart(this.where(alert))}</p>
                <p class="soft">${this.outcome(alert)}</p>
              </li>
            `,
          )}
        </ul>
      </details>
    `;
  }

  private where(alert: Alert): string[] {
    const gate = alert.gate && gateName(this.gates, alert.gate, this.language.code);
    const detail = detailOf(alert, this.language.words);
    return [this.time(alert.at), gate, alert.device, detail].filter((part) => part !== null);
  }

  /** Nobody's name stands on a wall. */
  private who({ who }: Alert) {
    return who && !this.wall ? html`<bdi data-name>${who}</bdi>` : nothing;
  }

  private spoken(alert: Alert): string {
    const kind = this.language.words.live.alertKinds[kindOf(alert)];
    return [kind, ...(alert.who ? [alert.who] : []), ...this.where(alert)].join(', ');
  }

  private outcome({ acknowledged_at: at, acknowledged_by: by }: Alert): string {
    const words = this.language.words.live;
    const time = this.time(at ?? '');
    return by === null ? words.overSince(time) : words.acknowledgedBy(by, time);
  }

  private async seenTo(alert: Alert): Promise<void> {
    this.failed = '';
    try {
      await acknowledge(alert.id);
    } catch {
      this.failed = alert.id;
    }
  }

  static override styles = [
    look,
    panel,
    css`
      .open {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-1) var(--space-3);
        align-items: center;
      }

      /* What does not fit on the wall wraps into a second column, out of sight. */
      :host([wall]) {
        min-block-size: 0;
      }

      .scroll {
        flex: 1 1 auto;
        min-block-size: var(--list-least, auto);
      }

      :host([wall]) ul {
        display: flex;
        flex: 1 1 0;
        flex-flow: column wrap;
        align-content: flex-start;
        min-block-size: 0;
        max-block-size: none;
        overflow: hidden;
      }

      :host([wall]) ul > li {
        inline-size: 100%;
      }

      .open > div {
        flex: 1 1 8rem;
      }

      .open > button {
        margin-inline-start: auto;
      }

      .sign {
        --sign: var(--surface);
        color: var(--bad);
        font-size: 1.6em;
        line-height: 1;
      }

      summary {
        min-block-size: var(--target);
        align-content: center;
        cursor: pointer;
      }

      .soft {
        overflow-wrap: anywhere;
      }

      /* A name, or a part of a line, goes to the next line as a whole where it fits there. */
      bdi {
        display: inline-block;
      }
    `,
  ];
}

type Kind = keyof Language['words']['live']['alertKinds'];

// A newer server may have kinds that this page does not know yet.
function kindOf(alert: Alert | undefined): Kind {
  return (alert?.kind ?? 'correction') as Kind;
}
