// A model file's bytes for the engine, wherever they come from: what a page holds as a Blob, File or stream.
import { PipitError, messageOf } from '../errors.ts';
import type { RemoteObject } from '../remote_object.ts';
import { readAhead } from '../slots.ts';

export interface ByteSource {
  /** In bytes; 0: unknown. */
  readonly size: number;
  /** All bytes in order, in parts of any length; may be asked for once. */
  parts(): AsyncIterable<Uint8Array>;
  /** For a file that is no model: takes it out of the store, where it has one. */
  forget?(): Promise<void>;
  /** Gives up what is still to come. */
  close(): void | Promise<void>;
}

/** Parts that are read at the same time. */
export const AHEAD = 4;
const PART_BYTES = 1 << 20;

export function blobSource(blob: Blob): ByteSource {
  const read = async (index: number): Promise<Uint8Array | undefined> => {
    const start = index * PART_BYTES;
    if (start >= blob.size) return undefined;
    try {
      return new Uint8Array(await blob.slice(start, start + PART_BYTES).arrayBuffer());
    } catch (error) {
      throw new PipitError('io', `The file cannot be read: ${messageOf(error)}.`, error);
    }
  };
  return { size: blob.size, parts: () => readAhead(AHEAD, read), close: () => {} };
}

/** A page's stream, served as { read(), cancel() } by stream_port.ts. */
export function streamSource(stream: RemoteObject): ByteSource {
  const read = async (): Promise<Uint8Array | undefined> =>
    (await stream.call('read')) as Uint8Array | undefined;
  return {
    size: 0,
    parts: () => readAhead(2, read),
    async close() {
      await stream.call('cancel');
      stream.close();
    },
  };
}
