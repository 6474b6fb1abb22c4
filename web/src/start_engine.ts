// Starts the Wasm module that fits the wishes and the environment, in a worker of any kind.
import { type Build, chooseBuild, detectConditions } from './builds.ts';
import { type Engine, type WasmModule, WasmEngine } from './engine.ts';
import { PipitError, messageOf } from './errors.ts';

export interface EngineWishes {
  /** A kernel set's name, or "auto". */
  kernels: string;
  /** undefined: as many as a page should take. */
  threads: number | undefined;
}

export interface StartedEngine<SomeEngine = Engine> {
  engine: SomeEngine;
  threads: number;
  /** For stats(): what was wished and cannot be had. */
  warnings: string[];
}

/** Fetches and compiles a module; what it answers instantiates it, with workers that stand ready for its threads. */
export type LoadModule = (build: Build) => Promise<() => Promise<WasmModule>>;

/** How long the workers of the threads may take to start before the model is loaded without them. */
const START_MS = 10_000;

/** Throws unsupported when the module cannot be started, out_of_memory when there is no room for it. */
export async function startEngine(
  wishes: EngineWishes,
  loadModule: LoadModule,
): Promise<StartedEngine<WasmEngine>> {
  const conditions = { ...wishes, ...detectConditions() };
  const build = chooseBuild(conditions);
  try {
    if (build.threads === 1) return await start(build, loadModule);
    return await start(build, loadModule).catch((error: unknown) => {
      const warning = `Threads cannot be started here (${messageOf(error)}), so pipit runs on one.`;
      const single = { ...chooseBuild({ ...conditions, threads: 1 }), warnings: [warning] };
      return start(single, loadModule);
    });
  } catch (error) {
    // Engines differ in the error's type, not in this word.
    const isFull = !(error instanceof PipitError) && /memory/i.test(messageOf(error));
    if (isFull) throw noRoom(error);
    throw PipitError.from(error, 'unsupported', 'The Wasm module cannot be started: ');
  }
}

function noRoom(error: unknown): PipitError {
  return new PipitError(
    'out_of_memory',
    `This browser has no memory for pipit's Wasm module (${messageOf(error)}). Close other tabs, then load the model again.`,
    error,
  );
}

async function start(build: Build, loadModule: LoadModule): Promise<StartedEngine<WasmEngine>> {
  const instantiate = await loadModule(build);
  const timeout = Promise.withResolvers<never>();
  const message = `its workers did not start within ${START_MS / 1000} seconds`;
  const timer = setTimeout(() => timeout.reject(new Error(message)), START_MS);
  try {
    const module = await Promise.race([instantiate(), timeout.promise]);
    const { threads, warnings } = build;
    return { engine: new WasmEngine(module), threads, warnings };
  } finally {
    clearTimeout(timer);
  }
}
