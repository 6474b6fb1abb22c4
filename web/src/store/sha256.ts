// SHA-256 of chunks: by the browser's own, beside other work, where there is one. Of a whole file, piece by piece, which that
// cannot do, the engine computes it, three times as fast as this can.

/** Of bytes that come in pieces. */
export interface Hash {
  update(bytes: Uint8Array): void;
  /** In hexadecimal; afterwards the object is of no further use. */
  digest(): string;
}

/** In hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // A page that came over plain HTTP, from another machine than its own, has no crypto.subtle.
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto };
  if (subtle) return toHex(new Uint8Array(await subtle.digest('SHA-256', bytes)));
  const hash = new Sha256();
  hash.update(bytes);
  return hash.digest();
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const BLOCK_BYTES = 64;

/** FIPS 180-4, of bytes that come in pieces. */
export class Sha256 implements Hash {
  readonly #state = Int32Array.from(INITIAL_STATE);
  /** The message schedule, [64]. */
  readonly #words = new Int32Array(64);
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #nBytes = 0;

  update(bytes: Uint8Array): void {
    const waiting = this.#nBytes % BLOCK_BYTES;
    this.#nBytes += bytes.length;
    let at = 0;
    if (waiting > 0) {
      at = Math.min(BLOCK_BYTES - waiting, bytes.length);
      this.#block.set(bytes.subarray(0, at), waiting);
      if (waiting + at < BLOCK_BYTES) return;
      this.#compress(this.#block, 0);
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) this.#compress(bytes, at);
    this.#block.set(bytes.subarray(at));
  }

  digest(): string {
    const nBits = BigInt(this.#nBytes) * 8n;
    const end = this.#nBytes % BLOCK_BYTES;
    const padding = new Uint8Array((end < 56 ? 56 : 120) - end + 8);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, nBits);
    this.update(padding);
    const digest = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, i) => digest.setInt32(i * 4, word));
    return toHex(new Uint8Array(digest.buffer));
  }

  #compress(bytes: Uint8Array, at: number): void {
    const w = this.#words;
    for (let i = 0, k = at; i < 16; i++, k += 4) {
      w[i] = (bytes[k]! << 24) | (bytes[k + 1]! << 16) | (bytes[k + 2]! << 8) | bytes[k + 3]!;
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    const state = this.#state;
    let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
    let [e, f, g, h] = [state[4]!, state[5]!, state[6]!, state[7]!];
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND_CONSTANTS[i]! + w[i]!) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0]! += a;
    state[1]! += b;
    state[2]! += c;
    state[3]! += d;
    state[4]! += e;
    state[5]! += f;
    state[6]! += g;
    state[7]! += h;
  }
}

function rotate(x: number, n: number): number {
  return (x >>> n) | (x << (32 - n));
}

/** The first `n` primes. */
function primes(n: number): number[] {
  const found: number[] = [];
  for (let i = 2; found.length < n; i++) if (found.every((p) => i % p !== 0)) found.push(i);
  return found;
}

/** The first 32 bits of the fractional parts of the roots, exact in double precision's 53 bits. */
function fractions(values: number[], root: (x: number) => number): Int32Array {
  return Int32Array.from(values, (x) => Math.floor((root(x) % 1) * 2 ** 32) | 0);
}

const INITIAL_STATE = fractions(primes(8), Math.sqrt);
const ROUND_CONSTANTS = fractions(primes(64), Math.cbrt);
