// What a screen reader is told of an answer while it is written: whole sentences, and not more often than one can listen.

const PAUSE_MS = 5000;

export class Announcer {
  readonly #say: (text: string) => void;
  #spoken = 0;
  #nextAt = 0;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Tells of the sentences that `text`, the answer so far, has beyond what was told. */
  update(text: string, now: number): void {
    if (now < this.#nextAt) return;
    const end = endOfSentences(text, this.#spoken);
    if (end > this.#spoken) {
      this.#tell(text.slice(this.#spoken, end));
      this.#spoken = end;
      this.#nextAt = now + PAUSE_MS;
    }
  }

  /** Tells of the rest. */
  finish(text: string): void {
    this.#tell(text.slice(this.#spoken));
    this.#spoken = text.length;
  }

  #tell(markdown: string): void {
    const text = markdown
      .replace(/[*_`#>|~]+/g, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    if (text !== '') this.#say(text);
  }
}

/** Where the last sentence or line ends that has certainly ended; `from` if there is none after it. */
function endOfSentences(text: string, from: number): number {
  let end = from;
  for (const { index, 0: mark } of text.slice(from).matchAll(/[.!?:…]["')\]]*\s|\n/g)) {
    end = from + index + mark.length;
  }
  return end;
}
