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

export interface StartedEngine {
  engine: Engine;
  threads: number;
  /** For stats(): what was wished and cannot be had. */
  warnings: string[];
}

/** `pthreadPoolSize` is read by the modules with threads (CMakeLists.txt): workers that stand ready for them. */
type CreateModule = (options: { pthreadPoolSize: number }) => Promise<WasmModule>;

/** How long the workers of the threads may take to start before the model is loaded without them. */
const START_MS = 10_000;

/** Throws unsupported when the module cannot be started. */
export async function startEngine(wishes: EngineWishes): Promise<StartedEngine> {
  const conditions = { ...wishes, ...detectConditions() };
  const build = chooseBuild(conditions);
  try {
    if (build.threads === 1) return await start(build);
    return await start(build).catch((error: unknown) => {
      const warning = `Threads cannot be started here (${messageOf(error)}), so pipit runs on one.`;
      return start({ ...chooseBuild({ ...conditions, threads: 1 }), warnings: [warning] });
    });
  } catch (error) {
    throw PipitError.from(error, 'unsupported', 'The Wasm module cannot be started: ');
  }
}

async function start({ name, threads, warnings }: Build): Promise<StartedEngine> {
  const url = new URL(`./wasm/${name}.mjs`, import.meta.url);
  const { default: createModule } = (await import(url.href)) as { default: CreateModule };
  const timeout = Promise.withResolvers<never>();
  const message = `its workers did not start within ${START_MS / 1000} seconds`;
  const timer = setTimeout(() => timeout.reject(new Error(message)), START_MS);
  try {
    const module = createModule({ pthreadPoolSize: threads - 1 });
    return {
      engine: new WasmEngine(await Promise.race([module, timeout.promise])),
      threads,
      warnings,
    };
  } finally {
    clearTimeout(timer);
  }
}
