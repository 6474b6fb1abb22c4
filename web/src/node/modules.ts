// The Wasm modules in Node: those of the browser, beside what a page fetches.
import type { Build } from '../builds.ts';
import type { WasmModule } from '../engine.ts';

type Create = (options: { pthreadPoolSize: number }) => Promise<WasmModule>;

export async function loadModule({ name, threads }: Build): Promise<() => Promise<WasmModule>> {
  const url = new URL(`../browser/wasm/${name}.mjs`, import.meta.url);
  const { default: create } = (await import(url.href)) as { default: Create };
  return () => create({ pthreadPoolSize: threads - 1 });
}
