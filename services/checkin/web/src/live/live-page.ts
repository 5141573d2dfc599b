import { css, html, LitElement, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { Attendance, Category, Entrance, Forum } from '../contract';
import { ForumClock } from '../forum-clock';
import { Language, languages, speak } from '../language';
import { look } from '../look';
import { say } from '../text';
import { minuteOf } from './arrivals';
import './arrivals-chart';
import './bar-list';
import type { Bar } from './bar-list';
import { type Connection, follow, readForum, readStaff } from './feed';

const COUNTRIES_SHOWN = 10;
// Nine parts in ten of what the venue holds: time to slow the entrances down.
const NEARLY_FULL = 0.9;

// Each page for staff, its address and the roles that may open it.
const PAGES = [
  ['review', '/registration/review', ['organiser', 'reviewer']],
  ['devices', '/checkin/devices', ['organiser', 'security_lead']],
] as const;

/** The control room's view: who is here, live, on a phone as on the wall. */
@customElement('live-page')
export class LivePage extends LitElement {
  @state() private forum: Forum | null = null;
  @state() private figures: Attendance | null = null;
  @state() private connection: Connection = 'connecting';
  @state() private staffRole = '';

  private clock = new ForumClock(0, 'Europe/Zurich');
  private language = new Language(this);
  private unfollow: (() => void) | null = null;
  private ticking: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.learnForum();
    this.unfollow = follow({
      attendance: (figures) => (this.figures = figures),
      connection: (connection) => this.connected(connection),
      signedOut: () => location.reload(),
    });
    this.ticking = setInterval(() => this.requestUpdate(), 5000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.unfollow?.();
    clearInterval(this.ticking);
  }

  private connected(connection: Connection): void {
    // Whatever was missed may include the forum's clock, or the whole server's start.
    if (connection === 'live' && this.connection === 'lost') void this.learnForum();
    this.connection = connection;
  }

  private async learnForum(): Promise<void> {
    const asked = Date.now();
    try {
      const forum = await readForum();
      this.clock = ForumClock.set(forum.now, forum.timezone, asked, Date.now());
      this.forum = forum;
      this.staffRole = (await readStaff()).role;
    } catch {
      setTimeout(() => void this.learnForum(), 3000);
    }
  }

  override willUpdate(): void {
    this.dataset['state'] = this.connection;
    document.title = `${this.language.words.live.title} · Forum Pass`;
  }

  override render() {
    const { forum, figures } = this;
    return html`
      ${forum ? this.renderRehearsal(forum) : nothing} ${this.renderHeader()}
      <main>
        ${forum && figures
          ? [this.renderFigures(figures), this.renderPanels(forum, figures)]
          : html`<p class="hint" role="status">${this.language.words.live.connection.connecting}</p>`}
      </main>
    `;
  }

  private renderRehearsal(forum: Forum) {
    if (!forum.rehearsal) return nothing;
    return html`
      <p class="rehearsal">${this.language.words.rehearsal} · <time>${this.moment}</time></p>
    `;
  }

  private get moment(): string {
    const now = this.clock.now();
    return `${this.clock.date(now, this.language.words.locale)}, ${this.clock.time(now)}`;
  }

  private renderHeader() {
    const words = this.language.words;
    const { forum } = this;
    return html`
      <header>
        <div>
          <h1>${forum ? say(forum.name, this.language.code) : words.live.title}</h1>
          <p>${forum ? html`${say(forum.venue.name, this.language.code)} · ` : nothing}
            <time>${this.moment}</time></p>
        </div>
        <nav aria-label=${words.live.staff}>
          ${PAGES.filter(([, , roles]) => roles.some((role) => role === this.staffRole)).map(
            ([page, address]) => html`<a href=${address}>${words.live.pages[page]}</a>`,
          )}
        </nav>
        <p class="connection" role="status" data-connection=${this.connection}>
          ${words.live.connection[this.connection]}
        </p>
        <select
          aria-label=${words.gate.languageTitle}
          @change=${(event: Event) => speak((event.target as HTMLSelectElement).value)}
        >
          ${languages.map(
            ([code, name]) => html`
              <option value=${code} lang=${code} ?selected=${code === this.language.code}>
                ${name}
              </option>
            `,
          )}
        </select>
      </header>
    `;
  }

  private renderFigures(figures: Attendance) {
    const words = this.language.words.live;
    const { language } = this;
    const { inside, venue_limit: limit } = figures;
    return html`
      <dl>
        <div class="large" ?data-full=${inside >= NEARLY_FULL * limit}>
          <dt>${words.inside}</dt>
          <dd data-figure="inside" data-value=${inside}>${language.number(inside)}</dd>
          <dd class="more">
            <progress max=${limit} value=${inside} aria-label=${words.inside}></progress>
            ${words.ofLimit(language.share(inside, limit), language.number(limit))}
          </dd>
        </div>
        <div class="large">
          <dt>${words.arrivedToday}</dt>
          <dd data-figure="arrived_today" data-value=${figures.arrived_today}>
            ${language.number(figures.arrived_today)}
          </dd>
          <dd class="more">
            <progress
              max=${Math.max(1, figures.badged)}
              value=${figures.arrived_today}
              aria-label=${words.arrivedToday}
            ></progress>
            ${words.ofBadged(language.share(figures.arrived_today, figures.badged))} ·
            <span data-figure="arrived_total" data-value=${figures.arrived_total}>
              ${words.allDays(language.number(figures.arrived_total))}
            </span>
          </dd>
        </div>
        ${this.renderSmall('registered', words.registered, figures.registered)}
        ${this.renderSmall('badged', words.badged, figures.badged)}
        ${this.renderSmall('refused_today', words.refusedToday, figures.refused_today)}
      </dl>
    `;
  }

  private renderSmall(name: string, label: string, count: number) {
    return html`
      <div>
        <dt>${label}</dt>
        <dd data-figure=${name} data-value=${count}>${this.language.number(count)}</dd>
      </div>
    `;
  }

  private renderPanels(forum: Forum, figures: Attendance) {
    const words = this.language.words.live;
    const now = this.clock.now();
    const today = this.clock.day(now) === figures.day;
    return html`
      <section class="panels">
        <arrivals-chart
          data-panel="arrivals"
          .byMinute=${figures.by_minute}
          .now=${today ? minuteOf(this.clock.time(now)) : 0}
        ></arrivals-chart>
        <bar-list
          data-panel="entrance"
          .heading=${words.byEntrance}
          .bars=${this.named(figures.by_entrance, forum.entrances)}
        ></bar-list>
        <bar-list
          data-panel="category"
          .heading=${words.byCategory}
          .bars=${this.named(figures.by_category, forum.categories)}
        ></bar-list>
        <bar-list
          data-panel="region"
          .heading=${words.byRegion}
          .bars=${bars(figures.by_region, words.regions)}
        ></bar-list>
        <bar-list
          data-panel="country"
          .heading=${words.byCountry}
          .most=${COUNTRIES_SHOWN}
          .bars=${this.countries(figures.by_country)}
        ></bar-list>
        <bar-list
          data-panel="refusals"
          .heading=${words.refusals}
          .bars=${bars(figures.refusals_by_reason, words.refusalReasons, 'var(--bad)')}
        ></bar-list>
      </section>
    `;
  }

  private named(
    counts: Readonly<Record<string, number>>,
    things: readonly (Entrance | Category)[],
  ): Bar[] {
    return Object.entries(counts).map(([id, count]) => {
      const thing = things.find((one) => one.id === id);
      const label = thing ? say(thing.name, this.language.code) : id;
      return thing && 'color' in thing ? { id, label, count, color: thing.color } : { id, label, count };
    });
  }

  private countries(counts: Readonly<Record<string, number>>): Bar[] {
    return Object.entries(counts).map(([id, count]) => ({
      id,
      label: this.language.country(id),
      count,
    }));
  }

  static override styles = [
    look,
    css`
      :host {
        display: block;
        min-block-size: 100vh;
        background: var(--page);
      }

      header {
        position: relative;
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2) var(--space-4);
        align-items: center;
        padding: var(--space-3) clamp(var(--space-4), 2.5vw, 3rem);
        padding-block-end: calc(var(--space-3) + 4px);
        background: var(--band);
        color: var(--on-band);
      }

      header::after {
        content: '';
        position: absolute;
        inset-inline: 0;
        inset-block-end: 0;
        block-size: 4px;
        background: var(--thread);
      }

      header > div {
        flex: 1 1 16rem;
      }

      h1 {
        font-size: clamp(1.15rem, 0.9rem + 1vw, 1.9rem);
        text-wrap: balance;
      }

      header div p {
        color: var(--on-band-soft);
      }

      nav {
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-1) var(--space-4);
      }

      nav a {
        display: inline-flex;
        align-items: center;
        min-block-size: var(--target);
        color: var(--on-band);
      }

      .connection {
        display: inline-flex;
        gap: var(--space-2);
        align-items: center;
        padding: var(--space-1) var(--space-3);
        border-radius: var(--radius-round);
        background: rgb(255 255 255 / 0.12);
        font-weight: 600;
      }

      .connection::before {
        content: '';
        inline-size: 0.65rem;
        block-size: 0.65rem;
        border-radius: 50%;
        background: #6fe3a0;
      }

      .connection:not([data-connection='live']) {
        background: var(--unsent);
        color: var(--on-unsent);
      }

      .connection:not([data-connection='live'])::before {
        border: 2px solid currentcolor;
        background: none;
      }

      header select {
        inline-size: auto;
        min-block-size: var(--target);
        background: transparent;
        border-color: var(--on-band-soft);
      }

      header option {
        background: var(--surface);
        color: var(--ink);
      }

      header :focus-visible {
        outline-color: var(--on-band);
      }

      main {
        display: grid;
        gap: clamp(var(--space-3), 1.4vw, var(--space-6));
        padding: clamp(var(--space-3), 2vw, var(--space-7)) clamp(var(--space-4), 2.5vw, 3rem);
      }

      dl {
        display: grid;
        grid-template-columns: repeat(6, 1fr);
        gap: clamp(var(--space-3), 1.2vw, var(--space-5));
      }

      dl > div,
      .panels > * {
        min-inline-size: 0;
        padding: clamp(var(--space-3), 1.4vw, var(--space-5));
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius-large);
        box-shadow: var(--shadow);
      }

      dl > div {
        grid-column: span 2;
      }

      dl > .large {
        grid-column: span 3;
      }

      dt {
        color: var(--ink-soft);
        font-size: clamp(0.9rem, 0.8rem + 0.4vw, 1.4rem);
        line-height: 1.2;
      }

      dd {
        font-size: clamp(1.5rem, 1.1rem + 1.8vw, 3rem);
        font-weight: 700;
        line-height: 1.15;
        letter-spacing: -0.02em;
        font-variant-numeric: tabular-nums;
      }

      .large dd:not(.more) {
        font-size: clamp(2.6rem, 1.4rem + 6vw, 8.5rem);
        line-height: 1.05;
      }

      .large:first-child dd:not(.more) {
        color: var(--accent);
      }

      dd.more {
        color: var(--ink-soft);
        font-size: clamp(0.875rem, 0.8rem + 0.3vw, 1.25rem);
        font-weight: 400;
        line-height: 1.35;
        letter-spacing: 0;
      }

      progress {
        appearance: none;
        display: block;
        inline-size: 100%;
        block-size: 0.6rem;
        margin-block: var(--space-2);
        border: 0;
        border-radius: var(--radius-round);
        overflow: hidden;
        background: var(--sunk);
        color: var(--accent);
      }

      progress::-webkit-progress-bar {
        background: var(--sunk);
      }

      progress::-webkit-progress-value {
        background: currentcolor;
      }

      progress::-moz-progress-bar {
        background: currentcolor;
      }

      .large[data-full] dd:not(.more),
      .large[data-full] progress {
        color: var(--bad);
      }

      .panels {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr));
        gap: clamp(var(--space-3), 1.2vw, var(--space-5));
      }

      @media (min-width: 48rem) {
        dl {
          grid-template-columns: 2.2fr 2.2fr 1fr 1fr 1fr;
        }

        dl > div,
        dl > .large {
          grid-column: auto;
        }

        arrivals-chart {
          grid-column: span 2;
        }
      }

      /* The wall: six panels fill it, and are read from across the room. */
      @media (min-width: 100rem) {
        .panels {
          grid-template-columns: repeat(3, 1fr);
          font-size: 1.2rem;
        }
      }
    `,
  ];
}

function bars(
  counts: Readonly<Record<string, number>>,
  labels: Readonly<Record<string, string>>,
  color = 'var(--accent)',
): Bar[] {
  return Object.entries(counts).map(([id, count]) => ({ id, label: labels[id] ?? id, count, color }));
}
