// How far a load is, told at most twenty times a second.
import type { LoadProgress } from '../protocol.ts';

const INTERVAL_MS = 50;

export class Progress implements LoadProgress {
  loaded = 0;
  total = 0;
  downloaded = 0;
  readonly #tell: (progress: LoadProgress) => void;
  #last = 0;

  constructor(tell: (progress: LoadProgress) => void) {
    this.#tell = tell;
  }

  update(change: Partial<LoadProgress>): void {
    Object.assign(this, change);
    if (performance.now() - this.#last >= INTERVAL_MS) this.flush();
  }

  /** Tells the last word. */
  flush(): void {
    this.#last = performance.now();
    const { loaded, total, downloaded } = this;
    this.#tell({ loaded, total, downloaded });
  }
}
