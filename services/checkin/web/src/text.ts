import type { Gate, Text } from './contract';

/** A text of the forum in one language, else in English, else in any. */
export function say(text: Text, language: string): string {
  return text[language] ?? text['en'] ?? Object.values(text)[0] ?? '';
}

export function nameOf(
  things: readonly { readonly id: string; readonly name: Text }[],
  id: string,
  language: string,
): string {
  const found = things.find((thing) => thing.id === id);
  return found ? say(found.name, language) : id;
}

/** The name of a gate; its id where the forum has no such gate any more. */
export function gateName(gates: readonly Gate[], id: string, language: string): string {
  const gate = gates.find((one) => one.id === id);
  return gate ? say(gate.names, language) : id;
}

/** What an error says of itself, in English. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
