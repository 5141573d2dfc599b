import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Device, Gate } from '../contract';
import { Language } from '../language';
import { look } from '../look';
import { say } from '../text';
import { contactOf, type Contact } from './device-state';
import { more, Overflow } from './overflow';
import { panel } from './panel';
import { moveDevice, stopDevice } from './stream';

const LOW_BATTERY = 0.2;
const DEVICES_ON_THE_WALL = 3;
/** Which devices of a gate the wall shows first: those that need somebody */
const URGENCY: readonly Contact[] = ['silent', 'online', 'off'];

// Told apart by shape, not only by colour: disc, triangle, ring.
const SIGNS: Readonly<Record<Contact, unknown>> = {
  online: svg`<circle cx="6" cy="6" r="5" fill="currentColor" />`,
  silent: svg`<path d="M6 .8L11.6 11H.4z" fill="currentColor" />`,
  off: svg`<circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.6" />`,
};

/** Every gate with its devices: which are at work, and which need help. */
@customElement('gate-board')
export class GateBoard extends LitElement {
  @property({ attribute: false }) gates: readonly Gate[] = [];
  @property({ attribute: false }) devices: readonly Device[] = [];
  @property({ attribute: false }) now = new Date(0);
  @property({ attribute: false }) time: (at: string) => string = (at) => at;
  @property({ attribute: false }) isToday: (at: string) => boolean = () => false;
  @property({ type: Boolean }) lead = false;
  @property({ type: Boolean, reflect: true }) wall = false;
  @state() private asking = '';
  @state() private failed = '';

  private language = new Language(this);
  private overflow = new Overflow(this, 'ul.gates');

  override render() {
    const words = this.language.words.live;
    const known = new Set(this.gates.map(({ id }) => id));
    const astray = this.devices.filter(({ gate }) => !known.has(gate));
    return html`
      <h2>${words.gates}</h2>
      <ul class="gates" ?data-wall=${this.wall}>
        ${this.gates.map((gate) =>
          this.renderGate(
            gate.id,
            say(gate.names, this.language.code),
            this.devices.filter((device) => device.gate === gate.id),
          ),
        )}
        ${astray.map((device) => this.renderGate(device.gate, device.gate, [device]))}
      </ul>
      ${this.wall && this.overflow.count ? more(this.overflow.count, this.language) : nothing}
    `;
  }

  private renderGate(id: string, name: string, devices: readonly Device[]) {
    return html`
      <li data-gate=${id}>
        <strong>${name}</strong>
        ${devices.length
          ? this.renderDevices(devices)
          : html`<p class="soft">${this.language.words.live.noDevice}</p>`}
      </li>
    `;
  }

  private renderDevices(devices: readonly Device[]) {
    const shown = this.wall ? this.mostUrgent(devices) : devices;
    const left = devices.length - shown.length;
    return html`
      <ul>
        ${shown.map((device) => this.renderDevice(device))}
        ${left ? html`<li class="device">${more(left, this.language)}</li>` : nothing}
      </ul>
    `;
  }

  private mostUrgent(devices: readonly Device[]): Device[] {
    const urgency = (device: Device) => URGENCY.indexOf(contactOf(device, this.now, this.isToday));
    const sorted = [...devices].sort((one, other) => urgency(one) - urgency(other));
    return sorted.slice(0, DEVICES_ON_THE_WALL);
  }

  private renderDevice(device: Device) {
    const contact = contactOf(device, this.now, this.isToday);
    return html`
      <li class="device" data-device=${device.device_id} data-contact=${contact}>
        <p>
          <span class="contact">
            <svg viewBox="0 0 12 12" aria-hidden="true">${SIGNS[contact]}</svg>
            <span class=${this.wall ? 'visually-hidden' : ''}>${this.say(device, contact)}</span>
          </span>
          <bdi>${device.label}</bdi>
          ${this.wall && contact === 'silent'
            ? html`<b class="low">${this.time(device.last_contact_at ?? '')}</b>`
            : nothing}
        </p>
        <p class="soft facts">
          ${this.facts(device).map((fact) => html`<span>${fact}</span>`)}
        </p>
        ${this.lead && !this.wall ? this.renderActions(device) : nothing}
      </li>
    `;
  }

  private say(device: Device, contact: Contact): string {
    const words = this.language.words.live;
    if (contact === 'silent') return words.silentSince(this.time(device.last_contact_at ?? ''));
    return contact === 'online' ? words.online : words.offline;
  }

  private facts(device: Device): unknown[] {
    const words = this.language.words.live;
    const facts: unknown[] = [];
    if (device.battery !== null) {
      const share = this.language.share(device.battery, 1);
      const text = device.charging ? words.charging(share) : words.battery(share);
      const isLow = device.battery <= LOW_BATTERY && !device.charging;
      if (isLow) facts.push(html`<b class="low">${text}</b>`);
      else if (!this.wall) facts.push(text);
    }
    if (device.pending) facts.push(html`<b>${words.toSend(this.language.number(device.pending))}</b>`);
    if (this.wall) return facts;
    if (device.last_contact_at) facts.push(words.lastContact(this.time(device.last_contact_at)));
    if (device.app_version !== null) facts.push(html`<bdi>${words.version(device.app_version)}</bdi>`);
    return facts;
  }

  private renderActions(device: Device) {
    const words = this.language.words.live;
    const isAsking = this.asking === device.device_id;
    return html`
      <details>
        <summary aria-label="${words.change}: ${device.label}">
          <span aria-hidden="true">•••</span>
        </summary>
        <div class="actions">
          <label>
            ${words.moveTo}
            <select>
              ${this.gates.map(
                ({ id, names }) => html`
                  <option value=${id} ?selected=${id === device.gate}>
                    ${say(names, this.language.code)}
                  </option>
                `,
              )}
            </select>
          </label>
          <button class="small" @click=${(event: Event) => void this.move(device, event)}>
            ${words.move}
          </button>
          <button class=${isAsking ? 'danger small' : 'quiet small'}
            @click=${() => void this.stop(device)}>
            ${isAsking ? words.reallyStop(device.label) : words.stop}
          </button>
          ${this.failed === device.device_id
            ? html`<p class="error" role="alert">${words.failed}</p>`
            : nothing}
        </div>
      </details>
    `;
  }

  private async move(device: Device, event: Event): Promise<void> {
    const actions = (event.currentTarget as HTMLElement).closest('.actions');
    const gate = actions?.querySelector('select')?.value;
    if (gate) await this.act(device, () => moveDevice(device.device_id, gate));
  }

  private async stop(device: Device): Promise<void> {
    if (this.asking !== device.device_id) {
      this.asking = device.device_id;
      return;
    }
    await this.act(device, () => stopDevice(device.device_id));
    this.asking = '';
  }

  private async act(device: Device, action: () => Promise<unknown>): Promise<void> {
    this.failed = '';
    try {
      await action();
    } catch {
      this.failed = device.device_id;
    }
  }

  static override styles = [
    look,
    panel,
    css`
      .gates {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr));
        gap: 0 var(--space-5);
      }

      .gates > li {
        border-block-start: 1px solid var(--line);
      }

      .device {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: 0 var(--space-2);
        border: 0;
        padding-block: var(--space-1);
      }

      .device > p {
        grid-column: 1;
      }

      details {
        grid-column: 2;
        grid-row: 1 / 3;
      }

      details[open] {
        display: contents;
      }

      details[open] .actions {
        grid-column: 1 / -1;
      }

      .device p:first-child {
        display: flex;
        flex-wrap: wrap;
        gap: 0 var(--space-3);
        align-items: baseline;
        overflow-wrap: anywhere;
      }

      .contact {
        display: inline-flex;
        gap: 0.4em;
        align-items: center;
        font-weight: 700;
        color: var(--good);
      }

      [data-contact='silent'] .contact {
        color: var(--bad);
      }

      [data-contact='off'] .contact {
        color: var(--ink-soft);
      }

      :host([wall]) {
        min-block-size: 0;
      }

      .gates[data-wall] {
        min-block-size: 0;
        overflow: hidden;
        grid-template-columns: repeat(2, minmax(0, 1fr));
      }

      .gates[data-wall] :is(strong, bdi) {
        display: block;
        min-inline-size: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }

      .gates[data-wall] > li {
        padding-block: 0.2em;
      }

      .gates[data-wall] ul {
        display: flex;
        flex-wrap: wrap;
        gap: 0 1em;
      }

      .gates[data-wall] .device {
        display: flex;
        flex-wrap: wrap;
        min-inline-size: 0;
        gap: 0 0.6em;
        padding: 0;
        white-space: nowrap;
      }

      .gates[data-wall] .device p {
        flex-wrap: nowrap;
        gap: 0 0.4em;
        min-inline-size: 0;
        max-inline-size: 100%;
      }

      .facts:empty {
        display: none;
      }

      .facts {
        display: flex;
        flex-wrap: wrap;
        gap: 0 var(--space-3);
        overflow-wrap: anywhere;
      }

      .low {
        color: var(--bad);
      }

      summary {
        grid-column: 2;
        grid-row: 1 / 3;
        display: grid;
        place-content: center;
        inline-size: var(--target);
        min-block-size: var(--target);
        border-radius: var(--radius);
        color: var(--accent);
        letter-spacing: 0.1em;
        cursor: pointer;
        list-style: none;
      }

      summary::-webkit-details-marker {
        display: none;
      }

      summary:hover {
        background: var(--sunk);
      }

      .actions {
        display: grid;
        gap: var(--space-2);
        padding-block-end: var(--space-3);
      }
    `,
  ];
}
