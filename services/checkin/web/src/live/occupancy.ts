/** From nine parts in ten of what the venue holds, entrances have to slow down. */
export const WARNING = 0.9;

export type Level = 'free' | 'nearly' | 'full';

export function levelOf(inside: number, limit: number): Level {
  if (inside >= limit) return 'full';
  return inside >= WARNING * limit ? 'nearly' : 'free';
}
