// A worker that answers every generation with the same pieces and notes what it was asked for.
import { LanguageModel, type ModelFiles } from '../../../web/src/client.ts';
import type { WorkerHandle } from '../../../web/src/connection.ts';
import type {
  Answers,
  FromWorker,
  GenerateResult,
  Piece,
  RequestBody,
  ToWorker,
} from '../../../web/src/protocol.ts';
import { FAKE_INFO } from './fake_worker.ts';

export type GenerateBody = Extract<RequestBody, { type: 'generate' }>;

export class ScriptedWorker implements WorkerHandle {
  readonly generations: GenerateBody[] = [];
  readonly #pieces: readonly Piece[];
  readonly #result: Partial<GenerateResult>;
  #onMessage: (message: FromWorker) => void = () => {};

  constructor(pieces: readonly Piece[], result: Partial<GenerateResult>) {
    this.#pieces = pieces;
    this.#result = result;
  }

  listen(onMessage: (message: FromWorker) => void): void {
    this.#onMessage = onMessage;
  }

  post(message: ToWorker): void {
    if (message.type !== 'request') return;
    const { id, body } = structuredClone(message);
    setImmediate(() => this.#request(id, body));
  }

  terminate(): void {}

  #request(id: number, body: RequestBody): void {
    let answer: unknown = { ...FAKE_INFO, name: 'Scripted' };
    if (body.type === 'generate') {
      this.generations.push(body);
      for (const piece of this.#pieces) {
        this.#onMessage({ type: 'event', id, event: { type: 'piece', piece } });
      }
      answer = {
        text: this.#pieces.map(({ text }) => text).join(''),
        tokens: this.#pieces.flatMap(({ token }) => token ?? []),
        promptTokens: 7,
        cachedTokens: 5,
        stopReason: 'eos',
        ...this.#result,
      };
    }
    this.#onMessage({ type: 'done', id, answer: answer as Answers[keyof Answers] });
  }
}

const FILES: ModelFiles = { sources: ['source'], ports: [], defaultStore: 'none', warnings: [] };

/** A model that says `pieces`, and its worker. */
export async function loadScripted(
  pieces: readonly Piece[] = [],
  result: Partial<GenerateResult> = {},
): Promise<{ model: LanguageModel; worker: ScriptedWorker }> {
  const worker = new ScriptedWorker(pieces, result);
  return {
    worker,
    model: await LanguageModel.load(
      () => worker,
      {},
      () => FILES,
    ),
  };
}
