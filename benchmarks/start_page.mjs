// The page that npm run bench:start measures; it runs in a browser. It loads the model as any page would and generates
// after a prompt of 32 tokens. `globalThis.started` becomes what was seen; times count from the start of the navigation.
import { deleteModel, loadModel } from '/dist/browser/index.js';
import { randomTokens } from '/dist/measure.js';

const model = '/model.gguf';
const promptTokens = 32;
const genTokens = 64;

const settings = new URLSearchParams(globalThis.location.search);

/** What is done by the part of the address after "?do=". */
const tasks = {
  /** The download by itself: what loading is compared with. */
  async download() {
    const start = performance.now();
    const reader = (await fetch(model, { cache: 'no-store' })).body.getReader();
    while (!(await reader.read()).done);
    return { ms: performance.now() - start };
  },

  async forget() {
    await deleteModel(model);
    return {};
  },

  async start() {
    return start();
  },

  /** The same, looked at all the time, which costs time itself. */
  async watch() {
    const watch = new Watch();
    await start();
    return watch.end();
  },

  /** What the page takes after all that: Wasm memory never shrinks, so its peak is in it. Chromium alone can say it. */
  async weigh() {
    let memoryBytes = null;
    await start(async () => {
      memoryBytes = (await performance.measureUserAgentSpecificMemory?.())?.bytes ?? null;
    });
    return { memoryBytes };
  },
};

async function start(beforeEnd = async () => {}) {
  const callMs = performance.now();
  const loaded = await loadModel(model);
  const readyMs = performance.now();
  const prompt = randomTokens(promptTokens, loaded.info.nVocab);
  let firstTokenMs;
  const stream = loaded.generate(prompt, { maxTokens: genTokens, ignoreEos: true });
  for await (const piece of stream) {
    if (piece.token !== null) firstTokenMs ??= performance.now();
  }
  await beforeEnd();
  const { loadMs, wasmMemoryBytes } = await loaded.stats();
  await loaded.dispose();
  return { callMs, loadMs, readyMs, firstTokenMs, wasmMemoryBytes };
}

/** How long the main thread is kept from its tasks. */
class Watch {
  #longestGapMs = 0;
  #longestTaskMs = null;
  #isOver = false;
  #ticks = this.#tick();

  constructor() {
    // Firefox does not know of these.
    if (!PerformanceObserver.supportedEntryTypes.includes('longtask')) return;
    this.#longestTaskMs = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#longestTaskMs = Math.max(this.#longestTaskMs, duration);
      }
    }).observe({ type: 'longtask', buffered: true });
  }

  async end() {
    this.#isOver = true;
    await this.#ticks;
    return { longestGapMs: this.#longestGapMs, longestTaskMs: this.#longestTaskMs };
  }

  async #tick() {
    for (let last = performance.now(); !this.#isOver;) {
      await new Promise((resolve) => setTimeout(resolve));
      const now = performance.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, now - last);
      last = now;
    }
  }
}

globalThis.started = tasks[settings.get('do')]();
