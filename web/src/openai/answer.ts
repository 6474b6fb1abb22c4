// What the answers of both APIs have in common: how a generation becomes one, and what it says about itself.
import type { CallOptions } from '../options.ts';
import type { GenerateResult, ModelInfo } from '../protocol.ts';
import type { GenerationStream } from '../stream.ts';
import { VERSION } from '../version.ts';
import { Stream } from './stream.ts';
import type { CompletionUsage, Envelope, FinishReason, RequestOptions } from './types.ts';

/** How an API tells a generation: as a whole, or chunk by chunk. */
export interface Telling<Whole, Chunk> {
  whole(generation: GenerationStream): Promise<Whole>;
  chunks(generation: GenerationStream): AsyncIterable<Chunk>;
}

/** Starts the generation and tells it. Like a server, a stream answers only once the prompt was accepted. */
export async function answer<Whole, Chunk>(
  start: (options: CallOptions) => GenerationStream,
  isStream: boolean,
  { signal }: RequestOptions,
  telling: Telling<Whole, Chunk>,
): Promise<Whole | Stream<Chunk>> {
  if (!isStream) return await telling.whole(start({ signal: signal ?? undefined }));
  const controller = new AbortController();
  const anySignal = AbortSignal.any([controller.signal, ...(signal ? [signal] : [])]);
  const accepted = Promise.withResolvers<void>();
  const generation = start({ signal: anySignal, onPrefill: () => accepted.resolve() });
  await Promise.race([accepted.promise, generation.result]);
  return new Stream(telling.chunks(generation), controller, anySignal);
}

export function newEnvelope(prefix: 'chatcmpl' | 'cmpl', info: ModelInfo): Envelope {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return {
    id: `${prefix}-${Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')}`,
    created: Math.floor(Date.now() / 1000),
    model: info.name ?? info.architecture,
    // What the bits of the logits depend on, beside the model.
    system_fingerprint: `pipit-${VERSION}-${info.kernels}-${info.kvType}`,
  };
}

export function finishReason({ stopReason }: GenerateResult): FinishReason {
  return stopReason === 'eos' || stopReason === 'stop' ? 'stop' : 'length';
}

export function usageOf({ promptTokens, cachedTokens, tokens }: GenerateResult): CompletionUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    total_tokens: promptTokens + tokens.length,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
