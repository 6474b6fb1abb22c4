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
    const result = await start((model) => watch.weigh(model));
    return { ...result, ...(await watch.end()) };
  },
};

async function start(before = async () => {}) {
  const loaded = await loadModel(model);
  const readyMs = performance.now();
  const prompt = randomTokens(promptTokens, loaded.info.nVocab);
  let firstTokenMs;
  const options = { maxTokens: genTokens, ignoreEos: true };
  for await (const piece of loaded.generate(prompt, options)) {
    if (piece.token !== null) firstTokenMs ??= performance.now();
  }
  await before(loaded);
  const { wasmMemoryBytes, kvBytes } = await loaded.stats();
  await loaded.dispose();
  return { readyMs, firstTokenMs, wasmMemoryBytes, kvBytes };
}

/** How long the main thread is kept from its tasks, and how much memory the page takes at most. */
class Watch {
  #longestGapMs = 0;
  #longestTaskMs = null;
  #memoryBytes = null;
  #isOver = false;
  #ticks = this.#tick();
  #weighing = this.#weighAlways();

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

  /** Chromium alone can say it, and only when it collects garbage or is started with a flag for it. */
  async weigh() {
    if (!performance.measureUserAgentSpecificMemory) return;
    const { bytes } = await performance.measureUserAgentSpecificMemory();
    this.#memoryBytes = Math.max(this.#memoryBytes, bytes);
  }

  async end() {
    this.#isOver = true;
    await Promise.all([this.#ticks, this.#weighing]);
    return {
      longestGapMs: this.#longestGapMs,
      longestTaskMs: this.#longestTaskMs,
      memoryBytes: this.#memoryBytes,
    };
  }

  async #tick() {
    for (let last = performance.now(); !this.#isOver;) {
      await new Promise((resolve) => setTimeout(resolve));
      const now = performance.now();
      this.#longestGapMs = Math.max(this.#longestGapMs, now - last);
      last = now;
    }
  }

  async #weighAlways() {
    while (!this.#isOver) {
      await this.weigh();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

globalThis.started = tasks[settings.get('do')]();
