import { css, html, type TemplateResult } from 'lit';

/** Parts of a line, each of which may be of a script that runs the other way. */
export function apart(parts: readonly string[]): TemplateResult[] {
  return parts.map((part, place) => html`${place ? ' · ' : ''}<bdi>${part}</bdi>`);
}

/** What the lists of the control room have in common. */
export const panel = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: var(--space-3);
  }

  h2 {
    display: flex;
    gap: var(--space-3);
    align-items: center;
    font-size: var(--heading-3);
  }

  .number {
    padding: 0 0.6em;
    border-radius: var(--radius-round);
    background: var(--bad);
    color: var(--on-bad);
    font-size: 0.9em;
  }

  .scroll {
    max-block-size: var(--most, 26rem);
    overflow-y: auto;
  }

  li {
    padding-block: var(--space-2);
    border-block-start: 1px solid var(--line);
    line-height: 1.3;
  }

  li:first-child {
    border-block-start: 0;
  }

  .soft {
    color: var(--ink-soft);
    font-size: var(--text-small);
  }

  /* What the wall has no room for */
  [data-cut] {
    visibility: hidden;
  }

  .more {
    color: var(--warn);
    font-weight: 700;
  }

  svg {
    inline-size: 1em;
    block-size: 1em;
  }

  button.small {
    min-block-size: var(--target);
    padding-inline: var(--space-3);
  }
`;
