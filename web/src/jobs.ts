// The requests that take several steps, as the scheduler runs them: one step of the engine between two yields.
import { chatTokens } from './chat_template.ts';
import { PipitError } from './errors.ts';
import type { LoadedModel } from './load/load_engine.ts';
import type { GenerateOptions } from './options.ts';
import type {
  DrawnToken,
  Embedding,
  Event,
  GenerateResult,
  Piece,
  Pooling,
  Prompt,
  Score,
  TokenLogprob,
} from './protocol.ts';
import type { Steps } from './scheduler.ts';

/** Tells the client something before the answer. */
export type Emit = (event: Event, transfer?: ArrayBuffer[]) => void;

export function* generate(
  model: LoadedModel,
  session: number,
  prompt: Prompt,
  options: GenerateOptions & { seed: number },
  emit: Emit,
): Steps<GenerateResult> {
  const { engine } = model;
  const given = promptTokens(model, prompt);
  const start = performance.now();
  const begin = engine.generateBegin(session, given, options);
  try {
    const tokens: number[] = [];
    const tokenLogprobs: DrawnToken[] = [];
    let text = '';
    let prefilled = begin.cachedTokens;
    let prefillEnd = start;
    let firstToken = 0;
    let lastToken = 0;
    for (;;) {
      const step = engine.generateStep(session);
      if (step.phase === 'prefill' && step.done > prefilled) {
        prefilled = step.done;
        prefillEnd = performance.now();
        emit({ type: 'prefill', done: step.done, total: step.total });
      } else if (step.phase === 'decode') {
        lastToken = performance.now();
        if (tokens.push(step.token) === 1) firstToken = lastToken;
        text += step.text;
        if (step.logprobs) tokenLogprobs.push(drawnToken(step.logprobs));
        emit({ type: 'piece', piece: piece(step.text, step.token, step.logprobs) });
      } else if (step.phase === 'end') {
        if (step.text) emit({ type: 'piece', piece: piece(step.text, null) });
        const prefillMs = prefillEnd - start;
        const decodeMs = lastToken - firstToken;
        return {
          text: text + step.text,
          tokens,
          ...(options.logprobs === undefined ? {} : { tokenLogprobs }),
          ...begin,
          stopReason: step.stop_reason,
          stop: step.stop,
          seed: options.seed,
          prefillMs,
          decodeMs,
          prefillTokensPerSecond: perSecond(begin.promptTokens - begin.cachedTokens, prefillMs),
          decodeTokensPerSecond: perSecond(tokens.length - 1, decodeMs),
        };
      }
      yield;
    }
  } finally {
    engine.end(session);
  }
}

export function* score(
  model: LoadedModel,
  session: number,
  prompt: Prompt,
  texts: readonly string[],
): Steps<Score[]> {
  const { engine } = model;
  const candidates = texts.map((text) => engine.tokenize(text, false, false, false));
  engine.scoreBegin(session, promptTokens(model, prompt), candidates);
  try {
    for (;;) {
      const logprobs = engine.scoreStep(session);
      if (logprobs) {
        const probabilities = softmax(logprobs);
        return texts.map((text, i) => ({
          text,
          tokens: candidates[i]!,
          logprob: logprobs[i]!,
          probability: probabilities[i]!,
        }));
      }
      yield;
    }
  } finally {
    engine.end(session);
  }
}

/** One text after another. */
export function* embed(
  { engine }: LoadedModel,
  texts: readonly string[],
  pooling: Pooling | 'auto',
  emit: Emit,
): Steps<Embedding[]> {
  const embeddings: Embedding[] = [];
  try {
    for (const [i, text] of texts.entries()) {
      const tokens = engine.tokenize(text, true, false);
      engine.embedBegin(tokens, pooling);
      let vector = engine.embedStep();
      while (!vector) {
        yield;
        vector = engine.embedStep();
      }
      embeddings.push({ vector, tokens: tokens.length });
      emit({ type: 'embedded', done: i + 1, total: texts.length });
      yield;
    }
    return embeddings;
  } catch (error) {
    throw texts.length > 1 ? about(error, `Text ${embeddings.length + 1}`) : error;
  } finally {
    engine.embedEnd();
  }
}

/** In a session of its own. Each chunk waits until the reader wants it: they are large. */
export function* logits(
  { engine, info }: LoadedModel,
  tokens: readonly number[],
  nCtx: number,
  emit: Emit,
): Steps<null> {
  const session = engine.createSession({ nCtx, whenFull: 'stop', keepTokens: 0 });
  try {
    engine.logitsBegin(session, tokens);
    for (let start = 0; ;) {
      const rows = engine.logitsStep(session);
      if (rows.length === 0) return null;
      yield 'wait';
      const n = rows.length / info.nVocab;
      emit({ type: 'logits', start, n, logits: rows }, [rows.buffer]);
      start += n;
    }
  } finally {
    engine.disposeSession(session);
  }
}

/** The error, saying first what it is about. */
function about(error: unknown, what: string): unknown {
  if (!(error instanceof PipitError)) return error;
  return new PipitError(error.code, `${what}: ${error.message}`, error);
}

function promptTokens(model: LoadedModel, prompt: Prompt): number[] {
  const { engine, info } = model;
  switch (prompt.kind) {
    case 'tokens':
      return prompt.tokens;
    case 'text':
      return engine.tokenize(prompt.text, true, false);
    case 'chat':
      return chatTokens(prompt.messages, prompt.template, info, (...args) =>
        engine.tokenize(...args),
      );
  }
}

/** `logprobs`: of the token, then of the likeliest. */
function piece(text: string, token: number | null, logprobs?: readonly TokenLogprob[]): Piece {
  if (!logprobs) return { text, token };
  const [logprob, ...topLogprobs] = logprobs;
  return { text, token, logprob: logprob!, topLogprobs };
}

function drawnToken([drawn, ...topLogprobs]: readonly TokenLogprob[]): DrawnToken {
  return { ...drawn!, topLogprobs };
}

/** Where all are impossible, none is likelier than another. */
function softmax(logprobs: readonly number[]): number[] {
  const max = Math.max(...logprobs);
  if (max === -Infinity) return logprobs.map(() => 1 / logprobs.length);
  const weights = logprobs.map((logprob) => Math.exp(logprob - max));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

function perSecond(n: number, ms: number): number {
  return n > 0 && ms > 0 ? (n * 1000) / ms : 0;
}
