import { css, html, LitElement } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { close } from '../icons';
import { Language } from '../language';
import { look } from '../look';

/** A dialog that rises from the bottom, within a thumb's reach. Fires `close` when it is left. */
@customElement('bottom-sheet')
export class BottomSheet extends LitElement {
  @property() heading = '';

  @query('dialog') private dialog!: HTMLDialogElement;
  @query('slot') private body!: HTMLSlotElement;
  private language = new Language(this);

  override firstUpdated(): void {
    this.dialog.showModal();
    void this.focusBody();
  }

  /** Where the body has a field to begin with: what is typed must not press the button to close. */
  private async focusBody(): Promise<void> {
    const field = this.body.assignedElements().find((one) => one.hasAttribute('data-first'));
    if (!(field instanceof LitElement)) return;
    await field.updateComplete;
    field.focus();
  }

  override render() {
    return html`
      <dialog aria-labelledby="heading" @close=${this.leave} @click=${this.tap}>
        <section>
          <header>
            <h2 id="heading">${this.heading}</h2>
            <button
              class="quiet"
              aria-label=${this.language.words.close}
              @click=${() => this.dialog.close()}
            >
              ${close}
            </button>
          </header>
          <slot></slot>
        </section>
      </dialog>
    `;
  }

  private leave(): void {
    this.dispatchEvent(new Event('close'));
  }

  /** Beside the sheet means out of it. */
  private tap(event: MouseEvent): void {
    if (event.target === this.dialog) this.dialog.close();
  }

  static override styles = [
    look,
    css`
      dialog {
        inline-size: 100%;
        max-inline-size: 36rem;
        max-block-size: 88dvh;
        margin: auto auto 0;
        padding: 0;
        border: 0;
        border-radius: var(--radius-large) var(--radius-large) 0 0;
        background: var(--surface);
        color: var(--ink);
      }

      dialog::backdrop {
        background: rgb(5 12 20 / 0.6);
      }

      section {
        padding: var(--space-4);
        padding-block-end: max(var(--space-5), env(safe-area-inset-bottom));
      }

      header {
        position: sticky;
        inset-block-start: 0;
        display: flex;
        gap: var(--space-3);
        align-items: center;
        justify-content: space-between;
        margin-block-end: var(--space-3);
        background: var(--surface);
      }

      header button.quiet {
        padding: var(--space-2);
        border-color: transparent;
      }

      @media (min-width: 60rem) {
        dialog {
          margin: auto;
          border-radius: var(--radius-large);
        }
      }

      @media (prefers-reduced-motion: no-preference) {
        dialog {
          animation: rise 160ms ease-out;
        }

        @keyframes rise {
          from {
            transform: translateY(2rem);
            opacity: 0;
          }
        }
      }
    `,
  ];
}
