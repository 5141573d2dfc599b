import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Participant } from '../contract';
import { check } from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { gateName, nameOf } from '../text';
import * as badgeNumber from './badge-number';
import type { Inside } from './inside';
import { fold } from './people';
import './person-photo';
import type { Photos } from './photos';
import type { Muster } from './session';
import { type Reach, type RollCall, Ticks } from './ticks';
import type { Telling } from './verdict';

const OLD_MINUTES = 2;
const LOOK_MS = 3000;

/**
 * Who is inside by the device's own copy, to be looked for with the server and without it. Ticks are
 * shared with everybody else who looks, as soon as a roll call goes on and the server answers.
 */
@customElement('evacuation-list')
export class EvacuationList extends LitElement {
  @property({ attribute: false }) muster!: () => Muster | null;
  @property({ attribute: false }) rollCall!: RollCall;
  @property({ attribute: false }) telling!: Telling;
  @property({ attribute: false }) photos!: Photos;

  /** As it was when the list was opened: who looks for somebody needs lines that stay. */
  @state() private listed: Muster | null = null;
  @state() private query = '';
  @state() private missingOnly = false;

  private language = new Language(this);
  private ticks: Ticks | null = null;
  private looking: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.listed = this.muster();
    if (this.listed) void this.begin(new Ticks(this.listed.session, this.rollCall));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.looking);
    this.ticks = null;
  }

  private async begin(ticks: Ticks): Promise<void> {
    await ticks.recall();
    this.ticks = ticks;
    this.requestUpdate();
    await this.look(ticks);
  }

  /** And again and again, for as long as the list is open. */
  private async look(ticks: Ticks): Promise<void> {
    await ticks.look();
    if (this.ticks !== ticks) return;
    this.requestUpdate();
    this.looking = setTimeout(() => void this.look(ticks), LOOK_MS);
  }

  private get found(): ReadonlySet<string> {
    return this.ticks?.found ?? NOBODY;
  }

  override render() {
    const words = this.language.words.gate;
    const { listed } = this;
    if (!listed) return html`<p class="error" role="alert">${words.noReplica}</p>`;
    const missing = listed.people.filter(({ registrationId }) => !this.found.has(registrationId));
    return html`
      ${this.renderAge(listed)}
      <p class="counts tabular" role="status">
        <strong data-count="missing">${this.language.number(missing.length)}</strong> ${words.notFound} ·
        <strong data-count="found">
          ${this.language.number(listed.people.length - missing.length)}
        </strong>
        ${words.found}
      </p>
      <p class="hint" data-reach=${this.reach}>${words.ticksReach[this.reach]}</p>
      <label for="name">${words.findName}</label>
      <input
        id="name"
        type="search"
        autocomplete="off"
        spellcheck="false"
        @input=${(event: InputEvent) => (this.query = (event.target as HTMLInputElement).value)}
      />
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          @change=${(event: Event) =>
            (this.missingOnly = (event.target as HTMLInputElement).checked)}
        />
        ${words.missingOnly}
      </label>
      ${listed.people.length ? nothing : html`<p class="hint">${words.nobodyInside}</p>`}
      ${this.renderZones(this.missingOnly ? missing : listed.people)}
    `;
  }

  private get reach(): Reach {
    return this.ticks?.reach ?? 'never';
  }

  private renderAge({ copiedAt, minutes }: Muster) {
    const words = this.language.words.gate;
    const tone = minutes >= OLD_MINUTES ? 'age old' : 'age';
    return html`
      <p class=${tone}>
        ${copiedAt ? words.findFromCopy(this.telling.clock.time(copiedAt)) : nothing}
        ${minutes >= OLD_MINUTES ? html`<br /><strong>${words.copyOld(minutes)}</strong>` : nothing}
      </p>
    `;
  }

  private renderZones(people: readonly Inside[]) {
    const sought = fold(this.query);
    const shown = sought ? people.filter((person) => searchable(person).includes(sought)) : people;
    const { forum, language } = this.telling;
    const zones = forum.zones.map(({ id }) => id);
    return [...new Set([...zones, ...shown.map(({ zone }) => zone)])].map((zone) => {
      const there = shown.filter((person) => person.zone === zone);
      if (there.length === 0) return nothing;
      return html`
        <section data-zone=${zone}>
          <h3>
            ${nameOf(forum.zones, zone, language)}
            <span class="hint">${this.language.number(there.length)}</span>
          </h3>
          <ul>
            ${repeat(
              there,
              ({ registrationId }) => registrationId,
              (person) => this.renderPerson(person),
            )}
          </ul>
        </section>
      `;
    });
  }

  private renderPerson(person: Inside) {
    const words = this.language.words.gate;
    const { badge, registrationId } = person;
    const isFound = this.found.has(registrationId);
    const number = badge?.number ? badgeNumber.format(badge.number) : registrationId;
    const name = badge
      ? html`<b>${badge.family_name}</b> ${badge.given_name}`
      : html`<span class="number">${number}</span>`;
    return html`
      <li data-registration=${registrationId} ?data-found=${isFound}>
        <person-photo lazy .person=${badge ?? nobody(registrationId)} .photos=${this.photos}>
        </person-photo>
        <div>
          <p class="name"><bdi>${name}</bdi></p>
          ${badge ? html`<p><bdi>${badge.organization}</bdi></p>` : nothing}
          <p class="hint">${this.whereabouts(person)}</p>
        </div>
        <button
          class=${isFound ? '' : 'quiet'}
          aria-pressed=${isFound ? 'true' : 'false'}
          aria-label="${words.found}: ${badge ? `${badge.given_name} ${badge.family_name}` : number}"
          @click=${() => void this.tick(registrationId)}
        >
          ${check}
        </button>
      </li>
    `;
  }

  /** The entrance used, and where somebody was seen since. */
  private whereabouts({ entrance, since, gate, at }: Inside): string {
    const { clock, forum, language } = this.telling;
    const came =
      entrance && since ? `${nameOf(forum.entrances, entrance, language)}, ${clock.time(since)}` : '';
    const seen = gate && at && at !== since ? `${gateName(forum.gates, gate, language)}, ${clock.time(at)}` : '';
    return [came, seen].filter(Boolean).join(' · ');
  }

  private async tick(registrationId: string): Promise<void> {
    const done = this.ticks?.tick(registrationId);
    // On the screen at once, whatever the server and the disk take.
    this.requestUpdate();
    await done;
    this.requestUpdate();
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        gap: var(--space-3);
      }

      .age {
        padding: var(--space-2) var(--space-3);
        background: var(--accent-soft);
        border-radius: var(--radius);
      }

      .old {
        background: var(--unsent);
        color: var(--on-unsent);
      }

      .counts {
        font-size: var(--text-large);
      }

      .counts strong {
        font-size: 1.6em;
      }

      .switch {
        display: flex;
        gap: var(--space-3);
        align-items: center;
        min-block-size: var(--target);
      }

      .switch input {
        inline-size: 1.5rem;
        block-size: 1.5rem;
        min-block-size: 0;
        accent-color: var(--accent);
      }

      li {
        display: grid;
        grid-template-columns: auto 1fr auto;
        gap: var(--space-3);
        align-items: center;
        padding-block: var(--space-2);
        border-block-end: 1px solid var(--line);
        line-height: 1.25;
        overflow-wrap: anywhere;
        /* Of thousands only those on the screen are drawn. */
        content-visibility: auto;
        contain-intrinsic-block-size: auto 5rem;
      }

      person-photo {
        --photo: 3rem;
      }

      .name b {
        text-transform: uppercase;
      }

      .number {
        font-family: var(--font-code);
        direction: ltr;
      }

      button {
        min-inline-size: 3.5rem;
        min-block-size: 3.5rem;
        padding: var(--space-2);
      }

      button svg {
        inline-size: 1.6rem;
        block-size: 1.6rem;
      }

      .quiet svg {
        opacity: 0.35;
      }

      [data-found] .name,
      [data-found] p {
        color: var(--ink-soft);
      }
    `,
  ];
}

const NOBODY: ReadonlySet<string> = new Set();

function searchable({ badge, registrationId }: Inside): string {
  return badge
    ? fold(`${badge.given_name} ${badge.family_name} ${badge.given_name} ${badge.organization} ${badge.number ?? ''}`)
    : registrationId;
}

function nobody(registrationId: string): Participant {
  return {
    registration_id: registrationId,
    badge_id: '',
    number: null,
    given_name: '',
    family_name: '',
    organization: '',
    country: '',
    category: '',
  };
}
