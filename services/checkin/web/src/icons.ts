import { svg, type TemplateResult } from 'lit';

type Icon = TemplateResult;

// What points on, back or along a line; the others look the same whichever way a script runs.
const along = (shapes: Icon): Icon => svg`<g class="along">${shapes}</g>`;

const outline = (shapes: Icon): Icon => svg`
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
    stroke-linejoin="round" aria-hidden="true">${shapes}</svg>`;

// The answers' shapes differ in outline, not only in what they hold: disc, octagon, square, ring.
const solid = (ground: Icon, sign: Icon): Icon => svg`
  <svg viewBox="0 0 96 96" aria-hidden="true" fill="none" stroke-linecap="round"
    stroke-linejoin="round">
    <g fill="currentColor">${ground}</g>
    <g stroke="var(--sign)" stroke-width="10">${sign}</g>
  </svg>`;

export const admitted = solid(
  svg`<circle cx="48" cy="48" r="46" />`,
  svg`<path d="M26 50l15 15 29-33" />`,
);
export const refused = solid(
  svg`<path d="M29 3h38l26 26v38l-26 26H29L3 67V29z" />`,
  svg`<path d="M31 31l34 34M65 31L31 65" />`,
);
export const departed = solid(
  svg`<rect x="4" y="4" width="88" height="88" rx="16" />`,
  along(svg`<path d="M24 48h44M52 30l18 18-18 18" />`),
);
export const unsent = solid(
  svg`<path d="M48 4l46 86H2z" stroke="currentColor" stroke-width="6" />`,
  svg`<path d="M48 38v22M48 75v1" />`,
);

export const keypad = outline(
  svg`<path d="M5 5h.01M12 5h.01M19 5h.01M5 12h.01M12 12h.01M19 12h.01M5 19h.01M12 19h.01M19 19h.01"
    stroke-width="3.4" />`,
);
export const find = outline(
  svg`<circle cx="10.5" cy="10.5" r="6.5" /><path d="M15.5 15.5L21 21" />`,
);
export const list = outline(
  along(svg`<path d="M9 6h12M9 12h12M9 18h12M4 6h.01M4 12h.01M4 18h.01" />`),
);
export const more = outline(svg`<path d="M4 7h16M4 12h16M4 17h16" />`);
export const plus = outline(svg`<path d="M12 5v14M5 12h14" />`);
export const minus = outline(svg`<path d="M5 12h14" />`);
export const torch = outline(
  svg`<path d="M6 3h12v4l-3 4v10H9V11L6 7zM6 7h12M12 14v2" />`,
);
export const undo = outline(
  along(svg`<path d="M4 9h10a6 6 0 0 1 0 12h-3M8 5L4 9l4 4" />`),
);
export const close = outline(svg`<path d="M5 5l14 14M19 5L5 19" />`);
export const check = outline(svg`<path d="M4 13l5 5L20 6" stroke-width="3" />`);
export const cross = outline(svg`<path d="M5 5l14 14M19 5L5 19" stroke-width="3" />`);
export const leaving = outline(
  along(svg`<path d="M4 12h15M13 6l6 6-6 6" stroke-width="3" />`),
);
export const person = svg`
  <svg viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
    <circle cx="12" cy="8" r="5" /><path d="M2 24c0-6 4-9 10-9s10 3 10 9z" />
  </svg>`;
export const waiting = outline(svg`<circle cx="12" cy="12" r="9" /><path d="M12 7v5l3 2" />`);
