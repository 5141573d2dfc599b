import { css, html, LitElement, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import type { Direction, Presented } from '../contract';
import * as icons from '../icons';
import { Language } from '../language';
import { look } from '../look';
import { messageOf, say } from '../text';
import './answer-view';
import './bottom-sheet';
import './camera-view';
import './correction-notice';
import './evacuation-list';
import './find-person';
import './gate-header';
import './more-menu';
import './number-entry';
import './pair-screen';
import './reason-form';
import './recent-scans';
import { focused } from './focus';
import { isPairingLink, pairingCode } from './pairing-code';
import { present } from './presented';
import { Repeats } from './repeats';
import type { Correction, Scan } from './scans';
import { pairFault, type PairFault, Session } from './session';
import { prepareSound, signal, unlockSound } from './signals';
import { takeOverWhen } from './updates';
import { type Telling, tone, verdict } from './verdict';
import { keepAwake } from './wake-lock';
import { listenForWedge } from './wedge-listener';

type Sheet =
  | { readonly kind: 'number' | 'find' | 'recent' | 'more' | 'evacuation' }
  | { readonly kind: 'undo' | 'override'; readonly scan: Scan };

// The device's own answer takes a tenth of that; to say before that none comes would be untrue.
const PATIENCE_MS = 300;

const WIDE = matchMedia('(min-width: 60rem)');

/**
 * The gate: what the officer holds. Its `data-state` says what it is doing: starting, pairing,
 * ready, checking, unsent, failed or answer; its `data-people`, of how many badges it has a copy.
 */
@customElement('gate-app')
export class GateApp extends LitElement {
  @state() private sheet: Sheet | null = null;
  @state() private pairFault: PairFault | null = null;
  @state() private pairing = false;
  @state() private revoked = false;
  @state() private sheetFault = '';
  /** What the officer has just undone, until something else is scanned */
  @state() private justUndone: Scan | null = null;
  @state() private wide = WIDE.matches;

  private session = new Session();
  private language = new Language(this);
  private repeats = new Repeats();
  /** What had the focus before the sheet, and gets it back */
  private opener: HTMLElement | null = null;
  private stopWedge: (() => void) | null = null;
  /** Of the newest scan: its answer should have come by now */
  @state() private overdue = true;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private ticking: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.session.addEventListener('change', () => this.requestUpdate());
    this.session.addEventListener('answer', () => this.announce());
    this.session.addEventListener('correction', () => signal('refused'));
    this.session.addEventListener('revoked', () => (this.revoked = true));
    this.stopWedge = listenForWedge((presented) => this.wedged(presented));
    WIDE.addEventListener('change', this.fit);
    addEventListener('hashchange', this.pairByAddress);
    addEventListener('pointerdown', unlockSound);
    addEventListener('keydown', unlockSound);
    document.addEventListener('visibilitychange', this.reconnect);
    // The rehearsal ribbon shows minutes.
    this.ticking = setInterval(() => this.requestUpdate(), 10_000);
    void keepAwake();
    takeOverWhen(() => this.idle);
    void this.session.start().then(this.pairByAddress);
    prepareSound();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.session.stop();
    this.stopWedge?.();
    clearInterval(this.ticking);
    clearTimeout(this.patience);
    WIDE.removeEventListener('change', this.fit);
    removeEventListener('hashchange', this.pairByAddress);
    removeEventListener('pointerdown', unlockSound);
    removeEventListener('keydown', unlockSound);
    document.removeEventListener('visibilitychange', this.reconnect);
  }

  private fit = (): void => {
    this.wide = WIDE.matches;
  };

  private reconnect = (): void => {
    if (document.visibilityState !== 'visible') return;
    void keepAwake();
    void this.session.touch();
  };

  // ---- Pairing ----

  private pairByAddress = (): void => {
    const code = location.hash ? pairingCode(location.hash) : null;
    if (!code) return;
    // A code works once and is nobody else's business: out of the address bar and the history.
    history.replaceState(null, '', location.pathname);
    void this.pair(code);
  };

  private async pair(code: string): Promise<void> {
    this.pairing = true;
    this.pairFault = null;
    try {
      await this.session.pair(code);
      this.revoked = false;
    } catch (error) {
      this.pairFault = pairFault(error);
    } finally {
      this.pairing = false;
    }
  }

  private unpair(): void {
    this.sheet = null;
    void this.session.unpair();
  }

  // ---- Scanning ----

  private seen(text: string): void {
    // Paired a second ago, the camera still looks at the lead's code.
    if (isPairingLink(text)) return;
    const begins = this.repeats.begins(text, performance.now());
    // While a sheet is open the officer looks at something else than the camera.
    if (begins && !this.sheet) this.scan(present(text));
  }

  private wedged(presented: Presented): void {
    const text = 'credential' in presented ? presented.credential : null;
    if (this.session.stage !== 'paired') {
      const code = text === null ? null : pairingCode(text);
      if (code) void this.pair(code);
    } else if (text === null || !isPairingLink(text)) {
      this.scan(presented);
    }
  }

  private scan(presented: Presented, overrideReason?: string): void {
    this.sheet = null;
    this.justUndone = null;
    this.overdue = false;
    clearTimeout(this.patience);
    this.patience = setTimeout(() => (this.overdue = true), PATIENCE_MS);
    this.session.scan(presented, overrideReason);
  }

  private turn(direction: Direction): void {
    // Somebody who entered may now hold the same badge up to leave.
    this.repeats.forget();
    this.justUndone = null;
    this.session.turn(direction);
  }

  /** Whether the page may be loaded anew without disturbing anybody. */
  private get idle(): boolean {
    const { newest } = this.session;
    const settled = newest === null || newest.answer !== null || newest.fault !== null;
    return settled && this.sheet === null && !this.pairing;
  }

  private announce(): void {
    const answer = this.session.newest?.answer;
    signal(answer ? tone(answer) : 'unsent');
  }

  private async undo(scan: Scan, reason: string): Promise<void> {
    this.sheetFault = '';
    try {
      await this.session.undo(scan, reason);
      this.sheet = null;
      this.justUndone = scan;
    } catch (error) {
      this.sheetFault = messageOf(error);
    }
  }

  private show(sheet: Sheet | null): void {
    this.sheetFault = '';
    if (!this.sheet) this.opener = focused();
    this.sheet = sheet;
  }

  // ---- What is on the screen ----

  private get telling(): Telling | null {
    const { forum, clock, gate } = this.session;
    if (!forum) return null;
    const { words, code: language } = this.language;
    return { words, language, forum, clock, gate: gate?.id ?? '' };
  }

  private get phase(): string {
    const { stage, newest, forum, offlineSince } = this.session;
    if (stage === 'paired' && !forum) return 'starting';
    if (stage !== 'paired') return stage;
    if (!newest) return 'ready';
    if (newest.answer) return 'answer';
    if (newest.fault) return 'failed';
    return offlineSince && this.overdue ? 'unsent' : 'checking';
  }

  override willUpdate(): void {
    this.dataset['state'] = this.phase;
    this.dataset['people'] = String(this.session.people);
    const title = `${this.gateName || this.language.words.gate.title} · Forum Pass`;
    // The browser is told of each, were it the same a hundred times.
    if (document.title !== title) document.title = title;
  }

  private get gateName(): string {
    const { gate } = this.session;
    return gate ? say(gate.names, this.language.code) : '';
  }

  override updated(): void {
    if (this.phase === 'unsent' && this.lastPhase !== 'unsent') signal('unsent');
    this.lastPhase = this.phase;
    if (this.sheet || !this.opener) return;
    this.opener.focus();
    this.opener = null;
  }
  private lastPhase = '';

  override render() {
    const { telling } = this;
    if (this.phase === 'pairing') return [this.renderRehearsal(), this.renderPairing()];
    if (!telling) return this.renderStarting();
    return html`
      ${this.renderRehearsal()}
      <gate-header
        .gate=${this.gateName}
        .direction=${this.session.direction}
        .usual=${this.session.gate?.direction ?? this.session.direction}
        .tally=${this.session.tally}
        .link=${this.session.link}
        .clock=${telling.clock}
        .waiting=${this.session.waiting}
        @turn=${(event: CustomEvent<Direction>) => this.turn(event.detail)}
      ></gate-header>
      ${this.renderCorrections(telling)} ${this.renderStage(telling)} ${this.wide ? this.renderAside(telling) : nothing}
      ${this.renderSheet(telling)}
      <p class="visually-hidden" aria-live="assertive" aria-atomic="true">${this.spoken(telling)}</p>
    `;
  }

  private renderRehearsal() {
    const { forum, clock } = this.session;
    if (!forum?.rehearsal) return nothing;
    const now = clock.now();
    return html`
      <p class="rehearsal">
        ${this.language.words.rehearsal} ·
        <time datetime=${now.toISOString()}>
          ${clock.date(now, this.language.words.locale)}, ${clock.time(now)}
        </time>
      </p>
    `;
  }

  private renderPairing() {
    return html`
      <pair-screen
        .fault=${this.pairFault}
        .busy=${this.pairing}
        .revoked=${this.revoked}
        @code=${(event: CustomEvent<string>) => this.pair(event.detail)}
      ></pair-screen>
    `;
  }

  private renderStarting() {
    const words = this.language.words.gate;
    return html`
      <p class="starting" role="status">
        ${this.session.offlineSince ? words.unreachable : words.starting}
      </p>
    `;
  }

  private renderCorrections(telling: Telling) {
    const { corrections } = this.session;
    if (corrections.length === 0) return nothing;
    return html`
      <correction-notice
        .corrections=${corrections}
        .telling=${telling}
        @noted=${(event: CustomEvent<Correction>) => this.session.note(event.detail)}
      ></correction-notice>
    `;
  }

  private renderStage(telling: Telling) {
    const { newest } = this.session;
    return html`
      <main>
        <camera-view
          .aim=${this.language.words.gate.aim}
          ?small=${newest !== null}
          @read=${(event: CustomEvent<string>) => this.seen(event.detail)}
        ></camera-view>
        <answer-view
          ?hidden=${!newest}
          .scan=${newest}
          .telling=${telling}
          .photos=${this.session.photos}
          .offline=${this.phase === 'unsent'}
          @override=${(event: CustomEvent<Scan>) =>
            this.show({ kind: 'override', scan: event.detail })}
        ></answer-view>
      </main>
      ${this.renderBar()}
    `;
  }

  private renderBar() {
    const words = this.language.words.gate;
    return html`
      <nav aria-label=${words.title}>
        ${this.wide
          ? nothing
          : html`
              <button @click=${() => this.show({ kind: 'number' })}>
                ${icons.keypad}<span>${words.typeNumber}</span>
              </button>
              <button @click=${() => this.show({ kind: 'recent' })}>
                ${icons.list}<span>${words.recent}</span>
              </button>
            `}
        <button @click=${() => this.show({ kind: 'find' })}>
          ${icons.find}<span>${words.find}</span>
        </button>
        <button @click=${() => this.show({ kind: 'more' })}>
          ${icons.more}<span>${words.more}</span>
        </button>
      </nav>
    `;
  }

  private renderNumberEntry() {
    return html`
      <number-entry
        data-first
        @number=${(event: CustomEvent<string>) => this.scan({ number: event.detail })}
      ></number-entry>
    `;
  }

  private renderRecent(telling: Telling) {
    return html`
      <recent-scans
        .scans=${this.session.scans}
        .telling=${telling}
        @undo=${(event: CustomEvent<Scan>) => this.show({ kind: 'undo', scan: event.detail })}
      ></recent-scans>
    `;
  }

  private renderMore({ forum }: Telling) {
    const zone = forum.zones.find(({ id }) => id === this.session.gate?.zone);
    return html`
      <more-menu
        .waiting=${this.session.waiting}
        .tally=${this.session.tally}
        .inside=${this.session.inside}
        .capacity=${zone?.capacity ?? null}
        @evacuation=${() => this.show({ kind: 'evacuation' })}
        @unpair=${() => this.unpair()}
      ></more-menu>
    `;
  }

  private muster = () => this.session.muster();

  private find = (query: string) => this.session.find(query);

  private renderAside(telling: Telling) {
    return html`
      <aside>
        ${this.renderNumberEntry()}
        <h2>${this.language.words.gate.recent}</h2>
        ${this.renderRecent(telling)}
      </aside>
    `;
  }

  private renderSheet(telling: Telling) {
    if (!this.sheet) return nothing;
    const words = this.language.words.gate;
    const heading = {
      number: words.typeNumber,
      find: words.find,
      recent: words.recent,
      more: words.more,
      evacuation: words.evacuation,
      undo: words.undoTitle,
      override: words.overrideTitle,
    }[this.sheet.kind];
    // Another dialog for each, so that its heading is read out and the focus is in it.
    return keyed(
      this.sheet.kind,
      html`
        <bottom-sheet .heading=${heading} @close=${() => this.show(null)}>
          ${this.renderSheetBody(this.sheet, telling)}
        </bottom-sheet>
      `,
    );
  }

  private renderSheetBody(sheet: Sheet, telling: Telling) {
    const words = this.language.words.gate;
    switch (sheet.kind) {
      case 'number':
        return this.renderNumberEntry();
      case 'find':
        return html`
          <find-person
            data-first
            .find=${this.find}
            .telling=${telling}
            .photos=${this.session.photos}
            .direction=${this.session.direction}
            @number=${(event: CustomEvent<string>) => this.scan({ number: event.detail })}
          ></find-person>
        `;
      case 'recent':
        return this.renderRecent(telling);
      case 'more':
        return this.renderMore(telling);
      case 'evacuation':
        return html`
          <evacuation-list
            .muster=${this.muster}
            .rollCall=${this.session.rollCall}
            .telling=${telling}
            .photos=${this.session.photos}
          ></evacuation-list>
        `;
      case 'undo':
        return html`
          <reason-form
            .usual=${words.undoReasons}
            .action=${words.undo}
            .fault=${this.sheetFault ? words.undoFailed : ''}
            .detail=${this.sheetFault}
            @reason=${(event: CustomEvent<string>) => this.undo(sheet.scan, event.detail)}
          ></reason-form>
        `;
      case 'override':
        return html`
          <reason-form
            .usual=${words.overrideReasons}
            .action=${words.override}
            @reason=${(event: CustomEvent<string>) => this.scan(sheet.scan.presented, event.detail)}
          ></reason-form>
        `;
    }
  }

  /** The screen in one breath, for a screen reader. */
  private spoken(telling: Telling): string {
    const words = this.language.words.gate;
    const { newest } = this.session;
    if (this.justUndone) return `${words.undone}. ${nameIn(this.justUndone)}`;
    if (!newest) return words.ready;
    const { answer, fault } = newest;
    if (fault) return `${words.failed}. ${words.failedBy[fault.by]}`;
    if (!answer) return this.phase === 'unsent' ? `${words.unsent}. ${words.unsentDetail}` : '';
    const { word, sentence } = verdict(answer, telling);
    const person = answer.participant;
    if (!person) return `${word}. ${sentence}.`;
    const category = telling.forum.categories.find(({ id }) => id === person.category);
    const kind = category ? say(category.name, telling.language) : person.category;
    return `${word}. ${sentence}. ${person.given_name} ${person.family_name}, ${kind}.`;
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        --camera-tile: clamp(4.5rem, 13vh, 10rem);
        --camera-room: calc(var(--camera-tile) + var(--space-3));
        grid-template-rows: auto auto auto 1fr auto;
        grid-template-columns: 100%;
        block-size: 100dvh;
        padding-block-end: env(safe-area-inset-bottom);
        overflow: hidden;
        background: var(--page);
      }

      :host > * {
        min-inline-size: 0;
      }

      .rehearsal {
        grid-row: 1;
        grid-column: 1 / -1;
      }

      gate-header {
        grid-row: 2;
        grid-column: 1 / -1;
      }

      correction-notice {
        grid-row: 3;
        grid-column: 1 / -1;
      }

      .starting,
      pair-screen {
        grid-row: 4;
        min-block-size: 0;
      }

      .starting {
        place-self: center;
        padding: var(--space-5);
        font-size: var(--text-large);
        text-align: center;
      }

      main {
        position: relative;
        grid-row: 4;
        display: grid;
        min-block-size: 0;
      }

      main > * {
        grid-area: 1 / 1;
        min-block-size: 0;
      }

      /* Beside an answer the camera stays in a corner that the answer leaves free. */
      camera-view[small] {
        position: absolute;
        inset-inline-start: var(--space-3);
        inset-block-end: var(--space-3);
        inline-size: var(--camera-tile);
        block-size: var(--camera-tile);
        border: 2px solid #ffffff;
        border-radius: var(--radius-large);
      }

      /* A gate without a camera has no tile to leave room for. */
      camera-view[data-fault] ~ answer-view {
        --camera-tile: 0rem;
        --camera-room: 0rem;
      }

      nav {
        grid-row: 5;
        display: flex;
        flex-wrap: wrap;
        gap: 1px;
        background: var(--line);
        border-block-start: 1px solid var(--line);
      }

      nav button {
        flex: 1 1 0;
        flex-direction: column;
        gap: 2px;
        min-block-size: 4rem;
        padding: var(--space-2) var(--space-1);
        border-radius: 0;
        background: var(--surface);
        color: var(--ink);
        font-size: var(--text-small);
        line-height: 1.15;
      }

      nav button:focus-visible {
        outline-offset: -4px;
      }

      aside {
        grid-column: 2;
        padding: var(--space-5);
        overflow-y: auto;
        background: var(--surface);
        border-inline-start: 1px solid var(--line);
      }

      aside h2 {
        margin-block: var(--space-6) var(--space-2);
        font-size: var(--heading-3);
      }

      @media (min-width: 60rem), (max-height: 30rem) and (min-width: 40rem) {
        nav button {
          flex-direction: row;
          gap: var(--space-2);
          min-block-size: 3rem;
        }
      }

      @media (min-width: 60rem) {
        :host {
          grid-template-columns: 1fr minmax(22rem, 28rem);
        }

        .starting,
        pair-screen {
          grid-column: 1 / -1;
        }

        aside {
          grid-row: 4 / 6;
        }
      }
    `,
  ];
}

function nameIn({ answer, who }: Scan): string {
  const person = answer?.participant ?? who;
  return person ? `${person.given_name} ${person.family_name}.` : '';
}
