// Small tools for work that runs at the same time: a limit to how much, and results in order.

/** At most `n` tasks at a time, begun in the order of their coming. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(n: number) {
    this.#free = n;
  }

  async use<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/**
 * What begin(0), begin(1), … resolve to, in order, until undefined. At most `ahead` of them are begun and not yet taken;
 * the first ones at once.
 */
export function readAhead<T>(
  ahead: number,
  begin: (index: number) => Promise<T | undefined>,
): AsyncGenerator<T, void, undefined> {
  const begun: Promise<T | undefined>[] = [];
  let next = 0;
  const beginNext = (): void => {
    const task = begin(next++);
    task.catch(() => {}); // told when its turn comes, if it comes
    begun.push(task);
  };
  while (begun.length < ahead) beginNext();
  return (async function* () {
    for (;;) {
      const result = await begun.shift();
      if (result === undefined) return;
      yield result;
      beginNext();
    }
  })();
}
