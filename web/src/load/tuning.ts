// Sizes and times of loading in one place; tests use smaller ones.
import { CHUNK_BYTES } from '../store/store.ts';

export interface Tuning {
  /** Of newly stored files. */
  chunkBytes: number;
  /** Ranges of a chunk that are asked for at once. */
  lanes: number;
  /** A server that sends nothing for so long is taken for dead. */
  stallMs: number;
  /** Attempts without a single new byte before an error. */
  attempts: number;
  /** Before the second attempt; doubled before every further one. */
  retryMs: number;
}

export const TUNING: Tuning = {
  chunkBytes: CHUNK_BYTES,
  lanes: 4,
  stallMs: 30_000,
  attempts: 5,
  retryMs: 500,
};
