// The Wasm modules in a browser: Emscripten's glue is part of the worker's script, the code lies in wasm/ beside it.
import type { Build } from '../builds.ts';
import type { WasmModule } from '../engine.ts';
import { type ErrorCode, PipitError, messageOf } from '../errors.ts';
// The glue of a module without relaxed SIMD is the same.
import createSingle from './wasm/pipit-relaxed.mjs';
import createThreaded from './wasm/pipit-relaxed-threads.mjs';

/** Written out: so bundlers learn what the worker needs. */
const WASM: Record<string, URL> = {
  'pipit-simd128': new URL('./wasm/pipit-simd128.wasm', import.meta.url),
  'pipit-simd128-threads': new URL('./wasm/pipit-simd128-threads.wasm', import.meta.url),
  'pipit-relaxed': new URL('./wasm/pipit-relaxed.wasm', import.meta.url),
  'pipit-relaxed-threads': new URL('./wasm/pipit-relaxed-threads.wasm', import.meta.url),
};

/** Throws not_found or unsupported, naming the module's address, where it cannot be fetched or compiled. */
export async function loadModule({ name, threads }: Build): Promise<() => Promise<WasmModule>> {
  const module = await compile(WASM[name]!.href);
  const create = threads > 1 ? createThreaded : createSingle;
  return () => {
    const failed = Promise.withResolvers<never>();
    const created = create({
      pthreadPoolSize: threads - 1,
      instantiateWasm(imports, receive) {
        WebAssembly.instantiate(module, imports).then(
          (instance) => receive(instance, module),
          failed.reject,
        );
        return {};
      },
    });
    return Promise.race([created, failed.promise]);
  };
}

async function compile(url: string): Promise<WebAssembly.Module> {
  const response = await fetch(url, { credentials: 'same-origin' }).catch((error: unknown) => {
    throw notLoaded('not_found', url, error);
  });
  if (!response.ok) throw notLoaded('not_found', url, `status ${response.status}`);
  try {
    // A server that does not know the type of .wasm loses compilation while it arrives, no more.
    const isStreamable = response.headers.get('content-type') === 'application/wasm';
    return isStreamable
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer());
  } catch (error) {
    throw notLoaded('unsupported', url, error);
  }
}

function notLoaded(code: ErrorCode, url: string, reason: unknown): PipitError {
  return new PipitError(
    code,
    `pipit's Wasm module ${url} cannot be loaded: ${messageOf(reason)}. The folder wasm/ of pipit's dist/browser must lie ` +
      'beside worker.js.',
    reason,
  );
}
