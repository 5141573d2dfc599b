import type { ScanAnswer } from '../contract';

/**
 * Whether what the officer was told must be put right: another decision, another reason to refuse,
 * or an admission that broke a rule elsewhere. That somebody comes for the first time or again
 * changes nothing at the gate.
 */
export function corrects(answer: ScanAnswer, told: ScanAnswer): boolean {
  if (answer.decision !== told.decision) return true;
  if (answer.decision === 'refused') return answer.reason !== told.reason;
  return (answer.conflict ?? null) !== null;
}
