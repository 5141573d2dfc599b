import { css } from 'lit';

/**
 * The wall: all that matters on one screen of any size; nothing scrolls, nothing turns away.
 *
 * A letter is read from about two hundred times its height. Letters here are a seventieth of the
 * screen's width: 17 mm on 55 inches; the figures, which matter from afar, five times as much.
 */
export const wallStyle = css`
  :host([wall]) {
    --text-small: 0.85em;
    --heading-3: 1em;
    --least: 0;
    --most: none;
    display: grid;
    grid-template-rows: auto auto auto minmax(0, 1fr);
    block-size: 100vh;
    overflow: hidden;
    font-size: min(1.4vw, 2.5vh);
    line-height: 1.25;
  }

  :host([wall]) .rehearsal {
    grid-row: 1;
  }

  :host([wall]) header {
    grid-row: 2;
    padding-block: 0.2em 0.4em;
  }

  :host([wall]) .clock {
    font-size: 2em;
    font-weight: 700;
  }

  :host([wall]) .warning {
    grid-row: 3;
  }

  :host([wall]) .warning strong {
    font-size: 2em;
  }

  :host([wall]) .leave {
    position: absolute;
    inset-inline-start: 45%;
    opacity: 0;
  }

  :host([wall]) .leave:focus-visible,
  :host([wall]) header:hover .leave {
    opacity: 1;
  }

  :host([wall]) main {
    grid-row: 4;
    grid-template-columns: 1fr 1fr 1.05fr;
    grid-template-rows: auto minmax(0, 1fr) auto;
    gap: 0.6em;
    max-inline-size: none;
    inline-size: 100%;
    min-block-size: 0;
    padding: 0.6em 0.9em;
  }

  :host([wall]) .top {
    grid-area: 1 / 1 / 2 / 3;
    grid-template-columns: 1fr;
  }

  :host([wall]) .work {
    grid-area: 1 / 3 / 4 / 4;
    grid-template-columns: 1fr;
    /* However many gates there are, alerts keep a third. */
    grid-template-rows: minmax(0, 1fr) fit-content(66%);
    gap: inherit;
    min-block-size: 0;
  }

  :host([wall]) .figures {
    grid-template-columns: 1fr 1fr;
    grid-template-rows: auto;
    gap: inherit;
  }

  :host([wall]) .small {
    display: none;
  }

  :host([wall]) .large {
    grid-column: auto;
  }

  :host([wall]) .figures > div,
  :host([wall]) main > section > :not(.figures) {
    overflow: hidden;
    padding: 0.5em 0.8em;
  }

  :host([wall]) dt,
  :host([wall]) dd.more {
    font-size: 1em;
  }

  :host([wall]) .large dd:not(.more) {
    font-size: 5em;
    line-height: 1;
  }

  :host([wall]) .charts {
    grid-area: 2 / 1 / 3 / 3;
    grid-template-columns: 1fr 1fr;
    gap: inherit;
    min-block-size: 0;
  }

  :host([wall]) .charts > * {
    min-block-size: 0;
  }

  :host([wall]) .groups {
    grid-area: 3 / 1 / 4 / 3;
    grid-template-columns: repeat(3, 1fr);
    gap: inherit;
    font-size: 0.85em;
  }
`;
