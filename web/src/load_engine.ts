// The requests `load` and `inspect`: starts an engine and feeds it a file, or a file's header.
import type { Engine, LoadRequest } from './engine.ts';
import { cancelledError } from './errors.ts';
import type { ModelDescription, ModelInfo, RequestBody } from './protocol.ts';
import type { EngineWishes, StartedEngine } from './start_engine.ts';

/** A model file's bytes, in order. */
export interface ByteSource {
  /** In bytes; 0: unknown. */
  readonly size: number;
  /** Writes the next bytes to the front of `target` and returns how many; 0: there are no more. */
  read(target: Uint8Array): number | Promise<number>;
  close(): void | Promise<void>;
}

/** What loading needs from where the worker runs. */
export interface LoadEnvironment<Source> {
  startEngine(wishes: EngineWishes): Promise<StartedEngine>;
  openSource(source: Source): Promise<ByteSource>;
  /** Resolves after the messages that have arrived were handled. */
  nextTask(): Promise<void>;
}

export interface LoadCalls {
  signal: AbortSignal;
  onProgress: (progress: { loaded: number; total: number }) => void;
}

/** A model, ready to compute. */
export interface LoadedModel {
  engine: Engine;
  info: ModelInfo;
  loadMs: number;
  warnings: string[];
}

type Body<Type extends RequestBody['type'], Source> = Extract<RequestBody<Source>, { type: Type }>;

const FEED_BYTES = 1 << 20;

const wrongKernels = (name: string): string =>
  `The kernel set '${name}' computes wrongly in this browser or on this machine, so it is not used.`;

export async function loadEngine<Source>(
  environment: LoadEnvironment<Source>,
  { source, kernels, kvType, threads }: Body<'load', Source>,
  calls: LoadCalls,
): Promise<LoadedModel> {
  const start = performance.now();
  const started = await environment.startEngine({ kernels, threads });
  const { engine, warnings } = started;
  const request = { kernels, kvType, nThreads: started.threads, headerOnly: false };
  await feed(environment, engine, source, request, calls);
  const info = engine.loadEnd();
  const wrong = info.kernelTrials.filter((trial) => !trial.correct);
  warnings.push(...wrong.map(({ name }) => wrongKernels(name)));
  return { engine, info, loadMs: performance.now() - start, warnings };
}

export async function inspectFile<Source>(
  environment: LoadEnvironment<Source>,
  { source }: Body<'inspect', Source>,
  calls: LoadCalls,
): Promise<ModelDescription> {
  const kernels = 'auto';
  const { engine } = await environment.startEngine({ kernels, threads: 1 });
  const request = { kernels, kvType: 'auto', nThreads: 1, headerOnly: true };
  const fileSize = await feed(environment, engine, source, request, calls);
  return { ...engine.describe(), fileSize };
}

/** Feeds the file, or its header, into the engine; returns the file's size. */
async function feed<Source>(
  environment: LoadEnvironment<Source>,
  engine: Engine,
  source: Source,
  request: Omit<LoadRequest, 'fileSize'>,
  { signal, onProgress }: LoadCalls,
): Promise<number> {
  const bytes = await environment.openSource(source);
  try {
    engine.loadBegin({ ...request, fileSize: bytes.size });
    let loaded = 0;
    for (;;) {
      const n = await bytes.read(engine.loadBuffer(FEED_BYTES));
      if (n === 0) break;
      const complete = engine.loadFeed(n);
      loaded += n;
      onProgress({ loaded, total: bytes.size });
      if (request.headerOnly && complete) break;
      await environment.nextTask();
      if (signal.aborted) throw cancelledError('The request');
    }
    return bytes.size || loaded;
  } finally {
    await bytes.close();
  }
}
