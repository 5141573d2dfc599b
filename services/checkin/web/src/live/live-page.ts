import { css, html, LitElement, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { Attendance, Category, Forum, Room } from '../contract';
import { ForumClock } from '../forum-clock';
import { keepAwake } from '../gate/wake-lock';
import { Language, languages, speak } from '../language';
import { look } from '../look';
import { say } from '../text';
import './alert-list';
import { minuteOf } from './arrivals';
import './arrivals-chart';
import './bar-list';
import type { Bar } from './bar-list';
import './gate-board';
import './look-back';
import './occupancy-chart';
import { levelOf } from './occupancy';
import { colorOf, type Place } from './places';
import { begin, follow } from './room';
import './scan-feed';
import * as stream from './stream';
import { wallStyle } from './wall-style';

const COUNTRIES_SHOWN = 10;
const ROWS_ON_THE_WALL = 4;
const LAST_MINUTE = 24 * 60 - 1;
const LEADS = ['organiser', 'security_lead'];
const WATCHERS = [...LEADS, 'viewer'];

// Each page for staff, its address and the roles that may open it.
const PAGES = [
  ['evacuation', '/checkin/evacuation', LEADS],
  ['holds', '/checkin/holds', LEADS],
  ['devices', '/checkin/devices', LEADS],
  ['report', '/checkin/report', WATCHERS],
  ['csv', '/checkin/api/attendance.csv', LEADS],
  ['xlsx', '/checkin/api/attendance.xlsx', LEADS],
  ['review', '/registration/review', ['organiser', 'reviewer']],
  ['delegations', '/registration/delegations', ['organiser', 'reviewer', 'focal_point']],
  ['badges', '/badging/desk', ['organiser', 'desk']],
  ['mails', '/notifications/preview', ['organiser']],
  ['staff', '/registration/staff', ['organiser']],
  ['audit', '/registration/audit', ['organiser']],
  ['account', '/registration/account', WATCHERS],
  ['wall', '/checkin/live?wall', WATCHERS],
] as const;

interface Asked {
  readonly day: string;
  /** A time of the day, 14:30; the whole day if empty */
  readonly until: string;
}

/** The control room's view: who is here, live, on a phone as on the wall. */
@customElement('live-page')
export class LivePage extends LitElement {
  @state() private forum: Forum | null = null;
  @state() private room: Room | null = null;
  @state() private earlier: Attendance | null = null;
  @state() private asked: Asked | null = null;
  @state() private isUnavailable = false;
  @state() private connection: stream.Connection = 'connecting';
  @state() private staffRoles: readonly string[] = [];

  private readonly wall = new URLSearchParams(location.search).has('wall');
  private clock = new ForumClock(0, 'Europe/Zurich');
  private heardAt: Date | null = null;
  private language = new Language(this);
  private leave: (() => void) | null = null;
  private ticking: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    document.documentElement.toggleAttribute('data-wall', this.wall);
    this.toggleAttribute('wall', this.wall);
    void this.learnForum();
    this.leave = stream.watch({
      whole: (room) => (this.room = begin(room)),
      changes: (changes) => (this.room = this.room && follow(this.room, changes)),
      heard: () => (this.heardAt = this.clock.now()),
      connection: (connection) => this.connected(connection),
      signedOut: () => location.reload(),
    });
    this.ticking = setInterval(() => this.requestUpdate(), 5000);
    if (this.wall) this.stayAwake();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
    clearInterval(this.ticking);
  }

  private stayAwake(): void {
    void keepAwake();
    document.addEventListener('visibilitychange', () => void keepAwake());
  }

  private connected(connection: stream.Connection): void {
    // Whatever was missed may include the forum's clock, or the whole server's start.
    if (connection === 'live' && this.connection === 'lost') void this.learnForum();
    this.connection = connection;
  }

  private async learnForum(): Promise<void> {
    const asked = Date.now();
    try {
      const forum = await stream.readForum();
      this.clock = ForumClock.set(forum.now, forum.timezone, asked, Date.now());
      this.forum = forum;
      this.staffRoles = (await stream.readStaff()).roles;
    } catch {
      setTimeout(() => void this.learnForum(), 3000);
    }
  }

  private async lookBack(asked: Asked): Promise<void> {
    this.isUnavailable = false;
    try {
      this.earlier = await stream.lookBack(asked.day, asked.until);
      this.asked = asked;
    } catch {
      this.isUnavailable = true;
    }
  }

  private lookForward(): void {
    this.asked = this.earlier = null;
  }

  override willUpdate(): void {
    this.dataset['state'] = this.connection;
    document.title = `${this.language.words.live.title} · Forum Pass`;
  }

  override render() {
    const { forum, room } = this;
    return html`
      ${forum ? this.renderRehearsal(forum) : nothing} ${this.renderHeader()}
      ${this.renderWarning()}
      <main ?data-old=${this.connection === 'lost' && !this.asked}>
        ${forum && room
          ? this.renderRoom(forum, room, this.earlier ?? room.figures)
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

  private get date(): string {
    return this.clock.date(this.clock.now(), this.language.words.locale);
  }

  private get moment(): string {
    return `${this.date} · ${this.clock.time(this.clock.now())}`;
  }

  private time = (at: Date | string): string => this.clock.time(at);

  private isToday = (at: string): boolean => this.clock.day(at) === this.clock.day(new Date(this.clock.now()));

  // --- what frames the page ---

  private renderHeader() {
    const words = this.language.words;
    const { forum } = this;
    return html`
      <header>
        <div>
          <h1>${forum ? say(forum.name, this.language.code) : words.live.title}</h1>
          <p>
            ${forum ? html`${say(forum.venue.name, this.language.code)} · ` : nothing}
            <time>${this.wall ? this.date : this.moment}</time>
          </p>
        </div>
        <p class="connection" role="status" data-connection=${this.connection}>
          ${words.live.connection[this.connection]}
        </p>
        ${this.wall
          ? html`
              <time class="clock">${this.time(this.clock.now())}</time>
              <a class="leave" href="/checkin/live">${words.live.pages.leaveWall}</a>
            `
          : [this.renderMenu(), this.renderLanguages()]}
      </header>
    `;
  }

  private renderMenu() {
    const words = this.language.words.live;
    const [first, ...others] = PAGES.filter(([, , roles]) => roles.some((role) => this.staffRoles.includes(role)));
    const link = ([page, address]: readonly [keyof typeof words.pages, string, unknown]) =>
      html`<a href=${address}>${words.pages[page]}</a>`;
    return html`
      <nav aria-label=${words.staff}>
        ${first ? link(first) : nothing}
        ${others.length
          ? html`
              <details>
                <summary>${words.menu}</summary>
                <ul>${others.map((page) => html`<li>${link(page)}</li>`)}</ul>
              </details>
            `
          : nothing}
      </nav>
    `;
  }

  private renderLanguages() {
    return html`
      <select
        aria-label=${this.language.words.gate.languageTitle}
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
    `;
  }

  /** What must not be overlooked: that the figures are not those of now. */
  private renderWarning() {
    const words = this.language.words.live;
    if (this.asked) {
      const day = this.clock.date(`${this.asked.day}T12:00:00Z`, this.language.words.locale);
      return html`
        <div class="warning" role="status" data-warning="earlier">
          <strong>
            ${this.asked.until ? words.lookingBack(day, this.asked.until) : words.lookingBackDay(day)}
          </strong>
          <button @click=${() => this.lookForward()}>${words.backToLive}</button>
        </div>
      `;
    }
    if (this.connection !== 'lost') return nothing;
    return html`
      <div class="warning" role="alert" data-warning="lost">
        <strong>${this.heardAt ? words.notLiveSince(this.time(this.heardAt)) : words.connection.lost}</strong>
        <span>${words.notLiveDetail}</span>
      </div>
    `;
  }

  // --- what it shows ---

  private renderRoom(forum: Forum, room: Room, figures: Attendance) {
    return [
      html`<section class="top">
        ${this.renderFigures(figures)} ${this.wall ? nothing : this.renderAlerts(forum, room)}
      </section>`,
      this.renderCharts(forum, figures),
      this.renderWork(forum, room),
      this.renderGroups(forum, figures),
      this.wall ? nothing : this.renderLookBack(forum),
    ];
  }

  private renderFigures(figures: Attendance) {
    const words = this.language.words.live;
    const { language } = this;
    const { inside, venue_limit: limit } = figures;
    const level = levelOf(inside, limit);
    return html`
      <dl class="figures">
        <div class="large inside" data-level=${level}>
          <dt>${words.inside}</dt>
          <dd data-figure="inside" data-value=${inside}>${language.number(inside)}</dd>
          <dd class="more">
            <progress max=${limit} value=${inside} aria-label=${words.inside}></progress>
            ${level === 'free' ? nothing : html`<strong>${level === 'full' ? words.full : words.nearlyFull}</strong> · `}
            ${words.ofLimit(language.share(inside, limit), language.number(limit))}
            ${this.peak(figures) ? html`<br /><span data-figure="peak">${this.peak(figures)}</span>` : nothing}
          </dd>
        </div>
        <div class="large">
          <dt>${words.arrivedToday}</dt>
          <dd data-figure="arrived_today" data-value=${figures.arrived_today}>
            ${language.number(figures.arrived_today)}
          </dd>
          <dd class="more">
            <progress
              max=${Math.max(1, figures.registered)}
              value=${figures.arrived_today}
              aria-label=${words.arrivedToday}
            ></progress>
            ${words.ofRegistered(
              language.share(figures.arrived_today, figures.registered),
              language.number(figures.registered),
            )}<br />
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
      <div class="small">
        <dt>${label}</dt>
        <dd data-figure=${name} data-value=${count}>${this.language.number(count)}</dd>
      </div>
    `;
  }

  private peak({ peak }: Attendance): string {
    const { language } = this;
    return peak
      ? language.words.live.peakToday(language.number(peak.inside), this.time(peak.at))
      : '';
  }

  private renderCharts(forum: Forum, figures: Attendance) {
    const until = this.lastMinute(figures);
    return html`
      <section class="charts">
        <occupancy-chart
          data-panel="occupancy"
          .byMinute=${figures.inside_by_minute}
          .limit=${figures.venue_limit}
          .now=${until}
        ></occupancy-chart>
        <arrivals-chart
          data-panel="arrivals"
          .byEntrance=${figures.by_entrance_and_minute}
          .byMinute=${figures.by_minute}
          .places=${this.places(forum)}
          .now=${until}
          .live=${!this.asked}
          .wall=${this.wall}
        ></arrivals-chart>
      </section>
    `;
  }

  /** Up to which minute of its day the figures go; 0 when they end with the last that happened. */
  private lastMinute(figures: Attendance): number {
    if (this.asked) return this.asked.until ? minuteOf(this.asked.until) : 0;
    const now = this.clock.now();
    return this.clock.day(now) === figures.day ? Math.min(minuteOf(this.time(now)), LAST_MINUTE) : 0;
  }

  private get isLead(): boolean {
    return LEADS.some((role) => this.staffRoles.includes(role));
  }

  private renderAlerts(forum: Forum, room: Room) {
    return html`
      <alert-list
        data-panel="alerts"
        .alerts=${room.alerts}
        .gates=${forum.gates}
        .time=${this.time}
        .lead=${this.isLead}
        .wall=${this.wall}
      ></alert-list>
    `;
  }

  private renderWork(forum: Forum, room: Room) {
    return html`
      <section class="work">
        ${this.wall ? this.renderAlerts(forum, room) : nothing}
        <gate-board
          data-panel="gates"
          .gates=${forum.gates}
          .devices=${room.devices}
          .now=${this.clock.now()}
          .time=${this.time}
          .isToday=${this.isToday}
          .lead=${this.isLead}
          .wall=${this.wall}
        ></gate-board>
        ${this.wall
          ? nothing
          : html`
              <scan-feed
                data-panel="scans"
                .scans=${room.scans}
                .gates=${forum.gates}
                .categories=${forum.categories}
                .time=${this.time}
              ></scan-feed>
            `}
      </section>
    `;
  }

  private renderGroups(forum: Forum, figures: Attendance) {
    const words = this.language.words.live;
    const most = this.wall ? ROWS_ON_THE_WALL : 12;
    const list = (panel: string, heading: string, bars: Bar[], shown = most, hint = '') => html`
      <bar-list
        data-panel=${panel}
        .heading=${heading}
        .bars=${bars}
        .most=${Math.min(shown, most)}
        .hint=${hint}
      ></bar-list>
    `;
    const refusals = bars(figures.refusals_by_reason, words.refusalReasons, 'var(--bad)');
    const genders = bars(figures.by_gender, words.genders);
    const entrance = list('entrance', words.byEntrance, this.entrances(forum, figures));
    const category = list('category', words.byCategory, this.categories(forum, figures.by_category));
    const region = list('region', words.byRegion, bars(figures.by_region, words.regions));
    const country = list('country', words.byCountry, this.countries(figures.by_country), COUNTRIES_SHOWN);
    const gender = list('gender', words.byGender, genders, most, words.genderHint);
    const refused = list('refusals', words.refusals, refusals);
    return html`
      <section class="groups">
        ${this.wall ? [category, refused, region] : [entrance, region, gender, category, country, refused]}
      </section>
    `;
  }

  private renderLookBack(forum: Forum) {
    const words = this.language.words;
    const today = this.clock.day(this.clock.now());
    const days = [...new Set([...forum.days, today])].filter((day) => day <= today).sort().reverse();
    return html`
      <section class="look-back">
        <h2>${words.live.lookBack}</h2>
        <look-back
          data-panel="look-back"
          .days=${days.map((id) => ({ id, name: this.clock.date(`${id}T12:00:00Z`, words.locale) }))}
          @look-back=${(event: CustomEvent<Asked>) => void this.lookBack(event.detail)}
        ></look-back>
        ${this.isUnavailable ? html`<p class="error" role="alert">${words.live.noFigures}</p>` : nothing}
      </section>
    `;
  }

  private places(forum: Forum): Place[] {
    return forum.entrances.map(({ id, name }, place) => ({
      id,
      name: say(name, this.language.code),
      color: colorOf(place),
    }));
  }

  private entrances(forum: Forum, { by_entrance: counts }: Attendance): Bar[] {
    const places = this.places(forum);
    return Object.entries(counts).map(([id, count]) => {
      const place = places.find((one) => one.id === id);
      return { id, label: place?.name ?? id, count, color: place?.color ?? 'var(--accent)' };
    });
  }

  private categories(forum: Forum, counts: Readonly<Record<string, number>>): Bar[] {
    return Object.entries(counts).map(([id, count]) => {
      const category = forum.categories.find((one: Category) => one.id === id);
      const label = category ? say(category.name, this.language.code) : id;
      return { id, label, count, color: category?.color ?? 'var(--accent)' };
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
        align-items: center;
      }

      nav a,
      nav summary,
      .leave {
        display: inline-flex;
        align-items: center;
        min-block-size: var(--target);
        color: var(--on-band);
        cursor: pointer;
      }

      nav details {
        position: relative;
      }

      nav summary {
        gap: var(--space-2);
        padding-inline: var(--space-3);
        border: 1px solid var(--on-band-soft);
        border-radius: var(--radius);
        list-style: none;
      }

      nav summary::-webkit-details-marker {
        display: none;
      }

      nav summary::after {
        content: '▾';
      }

      nav details ul {
        position: absolute;
        z-index: 2;
        inset-inline-end: 0;
        min-inline-size: 14rem;
        margin-block-start: var(--space-1);
        padding: var(--space-2) var(--space-4);
        background: var(--band);
        border: 1px solid var(--on-band-soft);
        border-radius: var(--radius);
        box-shadow: var(--shadow);
      }

      nav details a {
        display: flex;
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
        background-color: transparent;
        border-color: var(--on-band-soft);
      }

      header option {
        background: var(--surface);
        color: var(--ink);
      }

      header :focus-visible {
        outline-color: var(--on-band);
      }

      .warning {
        position: sticky;
        z-index: 1;
        inset-block-start: 0;
        display: flex;
        flex-wrap: wrap;
        gap: var(--space-2) var(--space-4);
        align-items: center;
        justify-content: center;
        padding: var(--space-3) var(--space-4);
        background: var(--unsent);
        color: var(--on-unsent);
        text-align: center;
      }

      .warning strong {
        font-size: clamp(1.2rem, 1rem + 1vw, 2rem);
      }

      .warning button {
        background: var(--on-unsent);
        color: var(--unsent);
      }

      .warning[data-warning='earlier'] {
        background: var(--accent-soft);
        color: var(--ink);
      }

      .warning[data-warning='earlier'] button {
        background: var(--accent);
        color: var(--on-accent);
      }

      main {
        display: grid;
        gap: clamp(var(--space-3), 1.4vw, var(--space-5));
        max-inline-size: 120rem;
        margin-inline: auto;
        padding: clamp(var(--space-3), 2vw, var(--space-6)) clamp(var(--space-4), 2.5vw, 3rem);
      }

      /* Old figures look old. */
      main[data-old] {
        filter: grayscale(1);
        opacity: 0.75;
      }

      .figures,
      main > section {
        display: grid;
        gap: clamp(var(--space-3), 1.2vw, var(--space-5));
      }

      .figures {
        grid-template-columns: repeat(6, 1fr);
      }

      .figures > div,
      main > section:not(.look-back) > :not(.figures),
      .look-back {
        min-inline-size: 0;
        padding: clamp(var(--space-3), 1.4vw, var(--space-5));
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: var(--radius-large);
        box-shadow: var(--shadow);
      }

      .look-back h2 {
        font-size: var(--heading-3);
      }

      .small {
        grid-column: span 2;
      }

      .large {
        grid-column: span 6;
      }

      dt {
        color: var(--ink-soft);
        font-size: clamp(0.9rem, 0.8rem + 0.4vw, 1.3rem);
        line-height: 1.2;
        overflow-wrap: anywhere;
      }

      dd {
        font-size: clamp(1.4rem, 1.1rem + 1.4vw, 2.6rem);
        font-weight: 700;
        line-height: 1.15;
        letter-spacing: -0.02em;
        font-variant-numeric: tabular-nums;
      }

      .large dd:not(.more) {
        font-size: clamp(3.4rem, 2rem + 5.4vw, 8rem);
        line-height: 1.05;
      }

      .inside dd:not(.more) {
        color: var(--accent);
      }

      dd.more {
        color: var(--ink-soft);
        font-size: clamp(0.9rem, 0.8rem + 0.3vw, 1.2rem);
        font-weight: 400;
        line-height: 1.4;
        letter-spacing: 0;
      }

      progress {
        appearance: none;
        display: block;
        inline-size: 100%;
        block-size: 0.7rem;
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

      [data-level='nearly'] dd:not(.more),
      [data-level='nearly'] progress,
      [data-level='nearly'] strong {
        color: var(--warn);
      }

      [data-level='full'] dd:not(.more),
      [data-level='full'] progress,
      [data-level='full'] strong {
        color: var(--bad);
      }

      .groups {
        grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr));
      }

      /* On the narrowest phone three words do not stand side by side. */
      @media (max-width: 23rem) {
        header {
          column-gap: var(--space-2);
        }

        nav {
          column-gap: var(--space-3);
        }

        .small {
          grid-column: span 6;
          display: flex;
          gap: var(--space-3);
          align-items: baseline;
          justify-content: space-between;
        }
      }

      @media (min-width: 48rem) {
        .large {
          grid-column: span 3;
        }

        .charts {
          grid-template-columns: 1fr 1fr;
        }

        .work {
          grid-template-columns: 1.4fr 1fr;
        }
      }

      @media (min-width: 75rem) {
        .top {
          grid-template-columns: 2.4fr 1fr;
        }

        /* As tall as the figures beside it, however many alerts there are. */
        .top alert-list {
          --most: none;
          --list-least: 8rem;
          block-size: 0;
          min-block-size: 100%;
          overflow-y: auto;
        }

        .work {
          grid-template-columns: 2fr 1fr;
        }

        .groups {
          grid-template-columns: repeat(3, 1fr);
        }
      }
    `,
    wallStyle,
  ];
}

function bars(
  counts: Readonly<Record<string, number>>,
  labels: Readonly<Record<string, string>>,
  color = 'var(--accent)',
): Bar[] {
  return Object.entries(counts).map(([id, count]) => ({ id, label: labels[id] ?? id, count, color }));
}
