import { css, html, LitElement } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Participant } from '../contract';
import * as icons from '../icons';
import { look } from '../look';
import type { Photos } from './photos';

/** Somebody's photo in a box that is there from the beginning; a silhouette where there is none. */
@customElement('person-photo')
export class PersonPhoto extends LitElement {
  @property({ attribute: false }) person!: Participant;
  @property({ attribute: false }) photos!: Photos;
  /** In a long list: the photo is read when its line comes to the screen */
  @property({ type: Boolean }) lazy = false;

  @state() private near = false;
  @state() private address: string | null = null;
  /** Whose photo, and which, is shown or on its way */
  private wanted = '';

  private watching: IntersectionObserver | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
    if (!this.lazy) return;
    this.watching = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return;
      this.near = true;
      this.watching?.disconnect();
    });
    this.watching.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watching?.disconnect();
    this.want('');
  }

  override willUpdate(): void {
    const { registration_id, photo } = this.person;
    const wanted = `${registration_id} ${photo ?? ''}`;
    if (!this.isConnected || wanted === this.wanted || (this.lazy && !this.near)) return;
    this.want(wanted);
    void this.fetch(wanted);
  }

  override render() {
    if (!this.address) return icons.person;
    const { given_name, family_name } = this.person;
    return html`<img src=${this.address} alt=${`${given_name} ${family_name}`} />`;
  }

  private want(wanted: string): void {
    this.wanted = wanted;
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = null;
  }

  private async fetch(wanted: string): Promise<void> {
    const photo = await this.photos.of(this.person);
    // Somebody else may stand here by now.
    if (photo && wanted === this.wanted) this.address = URL.createObjectURL(photo);
  }

  static override styles = [
    look,
    css`
      :host {
        display: grid;
        place-items: center;
        inline-size: var(--photo, 4.5rem);
        aspect-ratio: 3 / 4;
        overflow: hidden;
        background: var(--sunk);
        color: var(--line-strong);
        border-radius: var(--radius);
      }

      img {
        inline-size: 100%;
        block-size: 100%;
        object-fit: cover;
        /* Of a picture that is cut, the upper part stays: that is where the face is. */
        object-position: 50% 30%;
      }

      svg {
        align-self: end;
        inline-size: 80%;
        block-size: auto;
      }
    `,
  ];
}
