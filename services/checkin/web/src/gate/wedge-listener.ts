import type { Presented } from '../contract';
import { focused } from './focus';
import { presentBurst } from './presented';
import { Wedge } from './wedge';

/**
 * Hears a handheld scanner wherever the focus is. What it typed into a field on its way is taken
 * out again, and its Enter presses no button.
 */
export function listenForWedge(scanned: (presented: Presented) => void): () => void {
  const wedge = new Wedge();
  let field: HTMLInputElement | null = null;
  let before = '';

  function press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const { key, code, shiftKey: shift, timeStamp: at } = event;
    if (!wedge.openAt(at)) {
      // This key may begin a burst, and two more reach the field before that is known.
      field = focusedField();
      before = field?.value ?? '';
    }
    const burst = wedge.press({ key, code, shift, at });
    if (burst || wedge.bursting) {
      event.preventDefault();
      event.stopPropagation();
    }
    if (!burst) return;
    if (field) put(field, before);
    scanned(presentBurst(burst));
  }

  /** A button is pressed when Space comes up, so that must not arrive either. */
  function release(event: KeyboardEvent): void {
    if (wedge.bursting && event.key === ' ') event.preventDefault();
  }

  window.addEventListener('keydown', press, { capture: true });
  window.addEventListener('keyup', release, { capture: true });
  return () => {
    window.removeEventListener('keydown', press, { capture: true });
    window.removeEventListener('keyup', release, { capture: true });
  };
}

function focusedField(): HTMLInputElement | null {
  const element = focused();
  return element instanceof HTMLInputElement ? element : null;
}

function put(field: HTMLInputElement, value: string): void {
  field.value = value;
  // The components follow their fields by this event.
  field.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true }));
}
