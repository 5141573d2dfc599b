import { css } from 'lit';

/** What the components of both apps share. Each lives in a shadow root of its own, so it is given. */
export const look = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd,
  figure,
  fieldset {
    margin: 0;
    padding: 0;
    border: 0;
  }

  ul,
  ol {
    list-style: none;
  }

  h1,
  h2,
  h3 {
    line-height: 1.2;
  }

  [hidden] {
    display: none !important;
  }

  button,
  input,
  select {
    font: inherit;
    color: inherit;
  }

  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: var(--space-2);
    min-block-size: var(--target);
    padding: var(--space-2) var(--space-4);
    border: 2px solid transparent;
    border-radius: var(--radius);
    background: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
    cursor: pointer;
    touch-action: manipulation;
  }

  button.quiet {
    background: transparent;
    border-color: var(--line-strong);
    color: var(--ink);
  }

  button.danger {
    background: var(--bad);
    color: var(--on-bad);
  }

  button:disabled {
    opacity: 0.55;
    cursor: not-allowed;
  }

  label {
    display: block;
    font-weight: 600;
  }

  input,
  select {
    inline-size: 100%;
    min-block-size: 3rem;
    padding: var(--space-2) var(--space-3);
    background: var(--surface);
    border: 1px solid var(--line-strong);
    border-radius: var(--radius);
  }

  select {
    appearance: none;
    padding-inline-end: var(--list-arrow-room);
    background: var(--list-arrow) var(--surface);
    text-overflow: ellipsis;
  }

  .hint {
    color: var(--ink-soft);
    font-size: var(--text-small);
  }

  .error {
    color: var(--bad);
    font-weight: 600;
  }

  svg {
    flex: none;
    inline-size: 1.5em;
    block-size: 1.5em;
  }

  .along {
    transform: scaleX(var(--along));
    transform-origin: center;
  }

  time,
  .tabular {
    font-variant-numeric: tabular-nums;
  }

  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }

  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  .rehearsal {
    padding: var(--space-1) var(--space-3);
    background: var(--rehearsal);
    color: var(--on-rehearsal);
    font-size: var(--text-small);
    font-weight: 600;
    text-align: center;
  }
`;
