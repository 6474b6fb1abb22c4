// The parts of an answer as they become certain: some text, and the tokens that begin in it.
import type { GenerateResult, TokenLogprob } from '../protocol.ts';
import type { GenerationStream } from '../stream.ts';

/** A token that was drawn, and the likeliest at its place. */
export interface Token extends TokenLogprob {
  top: TokenLogprob[];
  /** Where it begins in the answer, as an index of the string. */
  offset: number;
}

export interface Delta {
  text: string;
  /** None unless log-probabilities were asked for. */
  tokens: Token[];
}

/**
 * The pieces of `generation`, without those that say nothing. A token waits until its text is certain: what a stop
 * string cuts off takes its tokens along.
 */
export async function* deltas(
  generation: GenerationStream,
): AsyncGenerator<Delta, void, undefined> {
  const waiting: Omit<Token, 'offset'>[] = [];
  // What was given out before: text, as a string and in UTF-8, and tokens.
  let length = 0;
  let textBytes = 0;
  let tokenBytes = 0;
  const take = (text: string, isLast: boolean): Delta => {
    const bytes = new TextEncoder().encode(text);
    const tokens: Token[] = [];
    while (waiting.length > 0 && (isLast || tokenBytes < textBytes + bytes.length)) {
      const token = waiting.shift()!;
      const before = bytes.subarray(0, Math.max(tokenBytes - textBytes, 0));
      tokens.push({ ...token, offset: length + wholeCharacters(before) });
      tokenBytes += token.bytes.length;
    }
    length += text.length;
    textBytes += bytes.length;
    return { text, tokens };
  };
  for await (const { text, logprob, topLogprobs = [] } of generation) {
    if (logprob) waiting.push({ ...logprob, top: topLogprobs });
    if (text !== '') yield take(text, false);
  }
  const { stopReason } = await generation.result;
  if (waiting.length > 0 && stopReason !== 'stop') yield take('', true);
}

/** All tokens, where log-probabilities were asked for, and the result. */
export async function gather(
  generation: GenerationStream,
): Promise<{ tokens: Token[]; result: GenerateResult }> {
  const tokens: Token[] = [];
  for await (const delta of deltas(generation)) tokens.push(...delta.tokens);
  return { tokens, result: await generation.result };
}

/** How long the string of `bytes` is; they may end within a character, which does not count. */
function wholeCharacters(bytes: Uint8Array): number {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true }).length;
}
