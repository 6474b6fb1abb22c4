// Session: one conversation with a model. It remembers what it has computed, so that a prompt that goes on from an
// earlier one costs only what is new.
import { checkKeys, checkMessages, checkString, checkTokens, describe, invalid } from './check.ts';
import type { Connection } from './connection.ts';
import { PipitError } from './errors.ts';
import {
  type CallOptions,
  type GenerateOptions,
  checkGenerateOptions,
  randomSeed,
} from './options.ts';
import type { ChatMessage, ModelInfo, Piece, Prompt, Score, SessionRef } from './protocol.ts';
import { GenerationStream, Inbox } from './stream.ts';

export interface ChatOptions extends GenerateOptions, CallOptions {
  /** A Jinja template in place of the model's own. */
  chatTemplate?: string;
}

export interface ScoreOptions {
  signal?: AbortSignal;
  /** A Jinja template in place of the model's own, where the prompt is messages. */
  chatTemplate?: string;
}

/** Frees the sessions that a page has forgotten to dispose, in their turn: what they still have to do is done first. */
const forgotten = new FinalizationRegistry<{ connection: Connection; ref: SessionRef }>(
  ({ connection, ref }) => void connection.request({ type: 'disposeSession', session: ref }),
);

/** Its calls may overlap: they run in the order they were made, and take turns with those of other sessions. */
export class Session {
  /** Context size in tokens. */
  readonly nCtx: number;
  readonly #connection: Connection;
  readonly #ref: SessionRef;
  readonly #disposed = new AbortController();

  constructor(connection: Connection, ref: SessionRef, info: ModelInfo) {
    this.#connection = connection;
    this.#ref = ref;
    this.nCtx = ref.options.nCtx || info.nCtxTrain;
    forgotten.register(this, { connection, ref }, this);
  }

  /**
   * Continues `prompt`: text, in which control tokens are not recognised, or token ids.
   * Throws invalid_argument for options that are not what they may be; everything else rejects the stream.
   */
  generate(
    prompt: string | readonly number[],
    options: GenerateOptions & CallOptions = {},
  ): GenerationStream {
    return this.#generate(plainPrompt(prompt), options);
  }

  /** Answers the last of `messages`. The model's chat template makes the prompt. */
  chat(messages: readonly ChatMessage[], options: ChatOptions = {}): GenerationStream {
    return this.#generate(chatPrompt(messages, options.chatTemplate), options, ['chatTemplate']);
  }

  /** How likely each of the candidates is to follow the prompt, which is a text, token ids or chat messages. */
  async score(
    prompt: string | readonly number[] | readonly ChatMessage[],
    candidates: readonly string[],
    options: ScoreOptions = {},
  ): Promise<Score[]> {
    checkKeys(options, ['signal', 'chatTemplate'], 'option of score()');
    if (!Array.isArray(candidates) || candidates.length === 0)
      throw invalid(
        `The candidates must be an array of at least one text, not ${describe(candidates)}.`,
      );
    return await this.#connection.request(
      {
        type: 'score',
        session: this.#ref,
        prompt: isMessages(prompt) ? chatPrompt(prompt, options.chatTemplate) : plainPrompt(prompt),
        candidates: candidates.map((text, i) => checkString(text, `candidates[${i}]`)),
      },
      { signal: this.#signal(options.signal) },
    ).answer;
  }

  /** Frees the session's memory. What is pending, and every later call, is rejected as cancelled. */
  async dispose(): Promise<void> {
    if (this.#disposed.signal.aborted) return;
    forgotten.unregister(this);
    this.#disposed.abort(new PipitError('cancelled', 'The session was disposed.'));
    // A worker that is gone has taken the session with it.
    const { answer } = this.#connection.request({ type: 'disposeSession', session: this.#ref });
    await answer.catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal ? AbortSignal.any([this.#disposed.signal, signal]) : this.#disposed.signal;
  }

  #generate(
    prompt: Prompt,
    options: GenerateOptions & CallOptions,
    otherOptions: readonly string[] = [],
  ): GenerationStream {
    const checked = { seed: randomSeed(), ...checkGenerateOptions(options, otherOptions) };
    const { signal, onPrefill } = options;
    const pieces = new Inbox<Piece>();
    const request = this.#connection.request(
      { type: 'generate', session: this.#ref, prompt, options: checked },
      {
        signal: this.#signal(signal),
        onEvent: (event) => {
          if (event.type === 'piece') pieces.push(event.piece);
          else if (event.type === 'prefill') onPrefill?.({ done: event.done, total: event.total });
        },
      },
    );
    return new GenerationStream(request, pieces);
  }
}

function plainPrompt(prompt: string | readonly number[]): Prompt {
  if (typeof prompt === 'string') return { kind: 'text', text: prompt };
  return { kind: 'tokens', tokens: checkTokens(prompt) };
}

function chatPrompt(messages: readonly ChatMessage[], chatTemplate: string | undefined): Prompt {
  const template =
    chatTemplate === undefined ? null : checkString(chatTemplate, 'The chatTemplate');
  return { kind: 'chat', messages: checkMessages(messages), template };
}

function isMessages(
  prompt: string | readonly number[] | readonly ChatMessage[],
): prompt is readonly ChatMessage[] {
  return Array.isArray(prompt) && typeof prompt[0] === 'object';
}
