// Loading: opens the sources of a request while the engine starts, and feeds the one with the others.
import type { Engine } from '../engine.ts';
import { PipitError, cancelledError } from '../errors.ts';
import type {
  LoadProgress,
  ModelDescription,
  ModelInfo,
  RequestBody,
  StoreChoice,
} from '../protocol.ts';
import type { EngineWishes, StartedEngine } from '../start_engine.ts';
import { RemoteStore } from '../store/remote.ts';
import type { ModelStore } from '../store/store.ts';
import type { ByteSource } from './byte_source.ts';
import { Progress } from './progress.ts';
import { FileChangedError } from './remote_file.ts';
import type { Tuning } from './tuning.ts';
import type { UrlOptions } from './url_source.ts';

/** What loading needs from where it runs. */
export interface LoadEnvironment<Source> {
  readonly tuning: Tuning;
  startEngine(wishes: EngineWishes): Promise<StartedEngine>;
  openStore(choice: StoreChoice): ModelStore | undefined;
  openSource(source: Source, options: UrlOptions): Promise<ByteSource>;
  /** In bytes; 0: unknown before it is opened. */
  sizeOf(source: Source, options: UrlOptions): Promise<number>;
  /** Resolves after the messages that have arrived were handled. */
  nextTask(): Promise<void>;
}

export interface LoadCalls {
  signal: AbortSignal;
  onProgress: (progress: LoadProgress) => void;
}

export interface LoadedModel {
  engine: Engine;
  info: ModelInfo;
  loadMs: number;
  /** For stats(). */
  warnings: string[];
}

type Body<Type extends RequestBody['type'], Source> = Extract<RequestBody<Source>, { type: Type }>;

/** The engine takes steps of so many bytes, so that messages and reads never wait for long. */
const FEED_BYTES = 1 << 20;

/** The largest tokenizer.model that is known has 5 MB. */
const SMALL_BYTES = 64 << 20;

const wrongKernels = (name: string): string =>
  `The kernel set '${name}' computes wrongly in this browser or on this machine, so it is not used.`;

export async function loadEngine<Source>(
  environment: LoadEnvironment<Source>,
  body: Body<'load', Source>,
  calls: LoadCalls,
): Promise<LoadedModel> {
  const stores = {
    store: environment.openStore(body.store),
    fallback: body.fallback && new RemoteStore(body.fallback),
  };
  try {
    return await loadOnce(environment, body, calls, stores);
  } catch (error) {
    if (!(error instanceof FileChangedError)) throw error;
    // What the engine has is of a file that is no more, so another engine takes the new one.
    return await loadOnce(environment, body, calls, stores);
  } finally {
    stores.store?.close();
    stores.fallback?.close();
  }
}

async function loadOnce<Source>(
  environment: LoadEnvironment<Source>,
  { sources, tokenizer, expectedSha256, kernels, kvType, threads }: Body<'load', Source>,
  calls: LoadCalls,
  stores: Pick<UrlOptions, 'store' | 'fallback'>,
): Promise<LoadedModel> {
  const start = performance.now();
  const progress = new Progress(calls.onProgress);
  const warnings = new Set<string>();
  // Files are read once it is there.
  let engine: Engine;
  const optionsOf = (index: number): UrlOptions => ({
    ...stores,
    expectedSha256: expectedSha256[index],
    newHash: () => engine.newHash(),
    signal: calls.signal,
    tuning: environment.tuning,
    onDownloaded: (n) => progress.update({ downloaded: progress.downloaded + n }),
    onWaiting: (downloaded, total) => progress.update({ downloaded, total }),
    onWarning: (warning) => warnings.add(warning),
  });
  const open = (index: number): Promise<ByteSource> =>
    environment.openSource(sources[index]!, optionsOf(index));

  const opening = open(0);
  const opened: ByteSource[] = [];
  try {
    const [started, first] = await Promise.all([
      environment.startEngine({ kernels, threads }),
      opening,
    ]);
    engine = started.engine;
    const others = sources.slice(1).map((other, i) => environment.sizeOf(other, optionsOf(i + 1)));
    const sizes = [first.size, ...(await Promise.all(others))];
    progress.total = sizes.includes(0) ? 0 : sizes.reduce((a, b) => a + b);
    const request = { kernels, kvType, nThreads: started.threads, headerOnly: false };
    engine.loadBegin({ ...request, fileSize: first.size });
    if (tokenizer !== undefined) {
      const uncounted = { onDownloaded: () => {}, onWaiting: () => {} }; // progress is the model's
      const options = { ...optionsOf(sources.length), ...uncounted };
      engine.loadTokenizer(await readSmall(await environment.openSource(tokenizer, options)));
    }
    for (let i = 0; i < sources.length; i++) {
      const source = i === 0 ? first : await open(i);
      opened.push(source);
      if (i > 0) engine.loadNext(source.size);
      await feed(engine, source, progress, environment, calls.signal);
    }
    const info = engine.loadEnd();
    progress.flush();
    for (const { name, correct } of info.kernelTrials)
      if (!correct) warnings.add(wrongKernels(name));
    return {
      engine,
      info,
      loadMs: performance.now() - start,
      warnings: [...started.warnings, ...warnings],
    };
  } catch (error) {
    // Not to be fed to the engine a second time.
    if (isBadFile(error)) await Promise.all(opened.map(async (source) => await source.forget?.()));
    throw error;
  } finally {
    opening.then((source) => source.close()).catch(() => {});
    await Promise.all(opened.map(async (source) => await source.close()));
  }
}

/** Reads only the header of a file. */
export async function inspectFile<Source>(
  environment: LoadEnvironment<Source>,
  { source }: Body<'inspect', Source>,
  { signal, onProgress }: LoadCalls,
): Promise<ModelDescription> {
  const kernels = 'auto';
  const { engine } = await environment.startEngine({ kernels, threads: 1 });
  const bytes = await environment.openSource(source, {
    store: undefined,
    fallback: undefined,
    expectedSha256: undefined,
    newHash: () => engine.newHash(),
    signal,
    tuning: environment.tuning,
    onDownloaded: () => {},
    onWaiting: () => {},
    onWarning: () => {},
  });
  try {
    const request = { kernels, kvType: 'auto', nThreads: 1, headerOnly: true };
    engine.loadBegin({ ...request, fileSize: bytes.size });
    const progress = new Progress(onProgress);
    await feed(engine, bytes, progress, environment, signal);
    return { ...engine.describe(), fileSize: bytes.size || progress.loaded };
  } finally {
    await bytes.close();
  }
}

/** All bytes of a source that has few; closes it. */
async function readSmall(source: ByteSource): Promise<Uint8Array> {
  try {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    for await (const part of source.parts()) {
      size += part.length;
      if (size > SMALL_BYTES) {
        throw new PipitError(
          'limit_exceeded',
          `The tokenizer's file has more than ${SMALL_BYTES >> 20} MB. Give a tokenizer.model.`,
        );
      }
      parts.push(part.slice()); // which may be used for the next part
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  } finally {
    await source.close();
  }
}

/** Gives the engine all of a source, or as much as it wants of it. */
async function feed<Source>(
  engine: Engine,
  source: ByteSource,
  progress: Progress,
  environment: LoadEnvironment<Source>,
  signal: AbortSignal,
): Promise<void> {
  for await (const part of source.parts()) {
    for (let at = 0; at < part.length; at += FEED_BYTES) {
      const bytes = part.subarray(at, at + FEED_BYTES);
      engine.loadBuffer(bytes.length).set(bytes);
      const isEnough = engine.loadFeed(bytes.length);
      progress.update({ loaded: progress.loaded + bytes.length });
      if (isEnough) return;
      await environment.nextTask();
      if (signal.aborted) throw cancelledError('The request', signal.reason);
    }
  }
}

function isBadFile(error: unknown): boolean {
  return error instanceof PipitError && ['invalid_file', 'truncated'].includes(error.code);
}
