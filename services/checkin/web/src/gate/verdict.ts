import type { Forum, ScanAnswer } from '../contract';
import type { ForumClock } from '../forum-clock';
import { nameOf } from '../text';
import type { Words } from '../words/en';
import { CAN_BE_OVERRIDDEN } from './admission';

/** What an answer looks and sounds like. */
export type Tone = 'admitted' | 'refused' | 'departed';

export interface Verdict {
  readonly tone: Tone;
  readonly word: string;
  readonly sentence: string;
}

/** What an answer is told with: the forum it speaks of, whose gate, in which words. */
export interface Telling {
  readonly words: Words;
  readonly language: string;
  readonly forum: Forum;
  readonly clock: ForumClock;
  readonly gate: string;
}

export function tone(answer: ScanAnswer): Tone {
  if (answer.decision === 'refused' || answer.conflict) return 'refused';
  return answer.reason === 'departed' ? 'departed' : 'admitted';
}

/** Whether the officer may let the person in all the same. */
export function mayBeOverridden({ decision, reason, participant }: ScanAnswer): boolean {
  return decision === 'refused' && participant !== null && CAN_BE_OVERRIDDEN.has(reason);
}

/** The answer in the officer's words: "Already inside since 08:12, Tower entrance". */
export function verdict(answer: ScanAnswer, telling: Telling): Verdict {
  const found = tone(answer);
  return { tone: found, word: telling.words.verdict[found], sentence: sentence(answer, telling) };
}

function sentence(answer: ScanAnswer, telling: Telling): string {
  const { words, language, forum, clock } = telling;
  const { previous } = answer;
  // Whoever was let in against a rule should not have been: say the rule.
  const reason = answer.conflict ?? answer.reason;
  if (previous && (reason === 'already_inside' || reason === 'reentry')) {
    return words.reasonSince[reason](
      clock.time(previous.at),
      nameOf(forum.entrances, previous.entrance, language),
    );
  }
  const zone = forum.gates.find(({ id }) => id === telling.gate)?.zone ?? '';
  // Who leaves a room is still in the venue, which is the first zone.
  const leavesRoom = reason === 'departed' && zone !== '' && zone !== forum.zones[0]?.id;
  if (leavesRoom || reason === 'zone_not_allowed' || reason === 'zone_full') {
    return words.reasonZone[reason](nameOf(forum.zones, zone, language));
  }
  return words.reasons[reason];
}
