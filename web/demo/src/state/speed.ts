// How fast something goes, by what was done in the last seconds.

const WINDOW_MS = 4000;

export class Speedometer {
  /** The oldest is the last one from before the window. */
  #samples: { at: number; done: number }[] = [];

  /** `done` so far, at the time `at` in milliseconds. */
  add(done: number, at = performance.now()): void {
    this.#samples.push({ at, done });
    while (this.#samples.length > 2 && this.#samples[1]!.at < at - WINDOW_MS) this.#samples.shift();
  }

  /** A second; 0 where nothing is known yet. */
  get perSecond(): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || last.at === first.at) return 0;
    return (1000 * (last.done - first.done)) / (last.at - first.at);
  }
}
