// Which of the Wasm modules a model is loaded into, and with how many threads.
import { PipitError } from './errors.ts';

/** What a caller wishes and what the environment has. */
export interface BuildConditions {
  /** A kernel set's name, or "auto". */
  kernels: string;
  /** undefined: as many as a page should take. */
  threads: number | undefined;
  webAssembly: boolean;
  /** Whether the engine knows SIMD, without which there is no module for it. */
  simd: boolean;
  /** Whether the engine knows relaxed SIMD. */
  relaxedSimd: boolean;
  /** Whether memory can be shared with other threads; in a page only when it is cross-origin isolated. */
  sharedMemory: boolean;
  /** Logical processors. */
  cores: number;
}

export interface Build {
  /** The module's name in dist/browser/wasm/. */
  name: string;
  threads: number;
  /** What the caller wished and does not get. */
  warnings: string[];
}

/** As ThreadPool::kMaxThreads in src/base/thread_pool.h. */
export const MAX_THREADS = 64;

/**
 * The default is at most this many. One thread reads memory at more than half of the speed that all cores together
 * reach, and the others have a page to draw; what has more cores than that mostly counts two for each real one, or has
 * slow ones among them.
 */
const DEFAULT_THREADS = 4;

const NOT_ISOLATED =
  'The page is not cross-origin isolated, so pipit runs on one thread. To use more, serve the page with the headers ' +
  "'Cross-Origin-Opener-Policy: same-origin' and 'Cross-Origin-Embedder-Policy: require-corp'.";

const NO_WEBASSEMBLY =
  'This browser has no WebAssembly, in which pipit computes, or it is switched off (for instance by the Lockdown Mode of ' +
  'iOS and macOS). Allow it for this site, or use Chrome or Edge 126, Firefox 126, Safari 18 or newer.';
const NO_SIMD =
  "This browser's WebAssembly has no SIMD, which pipit computes with. Chrome and Edge have it since version 91, Firefox " +
  'since 89, Safari since 16.4; update the browser.';

/** Throws unsupported where pipit cannot run. */
export function chooseBuild(conditions: BuildConditions): Build {
  if (!conditions.webAssembly) throw new PipitError('unsupported', NO_WEBASSEMBLY);
  if (!conditions.simd) throw new PipitError('unsupported', NO_SIMD);
  const { kernels, relaxedSimd, sharedMemory, cores } = conditions;
  const wished = conditions.threads ?? Math.min(Math.max(cores, 1), DEFAULT_THREADS);
  const threads = sharedMemory ? wished : 1;
  // Only who asked for threads is told that there are none.
  const warnings = threads < (conditions.threads ?? 1) ? [NOT_ISOLATED] : [];
  const set = moduleOf(kernels, relaxedSimd);
  return { name: `pipit-${set}${threads > 1 ? '-threads' : ''}`, threads, warnings };
}

/** A module has its own kernel set and those that every module has, simd128 and reference. */
function moduleOf(kernels: string, relaxedSimd: boolean): string {
  if (kernels === 'simd128') return 'simd128';
  // Kernels that the engine does not know are refused by the module that has none of them.
  return relaxedSimd ? 'relaxed' : 'simd128';
}

const V128_ZERO = [0xfd, 0x0c, ...new Array<number>(16).fill(0)]; // v128.const
const RELAXED_SWIZZLE = [0xfd, 0x80, 0x02];

/** A module with one function () → v128 of these instructions. */
function probe(...instructions: number[]): Uint8Array<ArrayBuffer> {
  const body = [0x00, ...instructions, 0x0b]; // no locals, end
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // types: () → v128
    ...[0x03, 0x02, 0x01, 0x00], // functions: one of type 0
    ...[0x0a, body.length + 2, 0x01, body.length], // code: one body
    ...body,
  );
}

/** What this environment has. */
export function detectConditions(): Omit<BuildConditions, 'kernels' | 'threads'> {
  const {
    crossOriginIsolated = true,
    SharedArrayBuffer,
    WebAssembly,
    navigator,
  } = globalThis as Partial<typeof globalThis>;
  const has = (module: Uint8Array<ArrayBuffer>): boolean => WebAssembly?.validate(module) ?? false;
  return {
    webAssembly: WebAssembly !== undefined,
    simd: has(probe(...V128_ZERO)),
    relaxedSimd: has(probe(...V128_ZERO, ...V128_ZERO, ...RELAXED_SWIZZLE)),
    sharedMemory: SharedArrayBuffer !== undefined && crossOriginIsolated,
    cores: navigator?.hardwareConcurrency ?? 1,
  };
}
