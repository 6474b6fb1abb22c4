// A server's bandwidth, shared by all that it sends.
import { Transform } from 'node:stream';

export class Throttle {
  #bytesPerSecond;
  /** When what was sent so far has arrived, in milliseconds. */
  #free = 0;

  constructor(bytesPerSecond) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** A stream through which bytes come no faster. */
  stream() {
    return new Transform({
      transform: (chunk, _, done) => {
        const now = performance.now();
        this.#free = Math.max(now, this.#free) + (1000 * chunk.length) / this.#bytesPerSecond;
        setTimeout(done, this.#free - now, null, chunk);
      },
    });
  }
}
