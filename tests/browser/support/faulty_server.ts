// A file behind a URL that misbehaves: every request is noted, and a test says what goes wrong with each answer.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export interface NotedRequest {
  /** How many came before. */
  index: number;
  method: string;
  /** The first byte asked for, and the one behind the last; without the header Range: all. */
  start: number;
  end: number;
  hasRange: boolean;
  /** Bytes of the body that were sent. */
  sent: number;
}

/** What is not given is as it should be. */
export interface Answer {
  status?: number;
  /** In place of a part of the file. */
  body?: string | Uint8Array;
  /** Of which the answer is a part. */
  content?: Uint8Array;
  /** Whether the header Range is obeyed. */
  ranges?: boolean;
  etag?: string | null;
  headers?: Record<string, string>;
  /** The connection breaks after so many bytes of the body. */
  dropAfter?: number;
  /** Nothing more comes after so many bytes, though the connection stays. */
  stallAfter?: number;
  /** The body ends after so many bytes, and no header says that it is longer. */
  cutAfter?: number;
  /** Between two steps of the body. */
  pauseMs?: number;
  stepBytes?: number;
  gzip?: boolean;
}

export type AnswerOf = (request: NotedRequest) => Answer;

export class FaultyFile {
  readonly requests: NotedRequest[] = [];
  readonly #content: Uint8Array;
  /** May be changed between two requests. */
  answerOf: AnswerOf;

  constructor(content: Uint8Array, answerOf: AnswerOf = () => ({})) {
    this.#content = content;
    this.answerOf = answerOf;
  }

  /** Bytes of all bodies. */
  get sent(): number {
    return this.requests.reduce((sum, { sent }) => sum + sent, 0);
  }

  /** A route of tools/lib/server.mjs. */
  readonly route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const noted: NotedRequest = {
      index: this.requests.length,
      method: request.method!,
      start: Number(first ?? 0),
      end: last ? Number(last) + 1 : this.#content.length,
      hasRange: first !== undefined,
      sent: 0,
    };
    this.requests.push(noted);
    const answer = this.answerOf(noted);
    const content = answer.content ?? this.#content;
    const { start } = noted;
    const end = Math.min(noted.end, content.length);
    const isRange = noted.hasRange && answer.ranges !== false && answer.body === undefined;
    const headers: Record<string, string | number> = { 'content-type': 'application/octet-stream' };
    const etag = answer.etag === undefined ? '"1"' : answer.etag;
    if (etag !== null) headers.etag = etag;
    let status = 200;
    let body: Uint8Array = Buffer.from(answer.body ?? content);
    if (isRange && start >= content.length) {
      status = 416;
      headers['content-range'] = `bytes */${content.length}`;
      body = new Uint8Array();
    } else if (isRange) {
      status = 206;
      headers['content-range'] = `bytes ${start}-${end - 1}/${content.length}`;
      body = body.subarray(start, end);
    }
    if (answer.gzip) {
      headers['content-encoding'] = 'gzip';
      body = gzipSync(body);
    }
    if (answer.cutAfter === undefined) headers['content-length'] = body.length;
    response.writeHead(answer.status ?? status, { ...headers, ...answer.headers });
    if (noted.method === 'HEAD') response.end();
    else await send(response, body, answer, noted);
  };
}

async function send(
  response: ServerResponse,
  body: Uint8Array,
  answer: Answer,
  noted: NotedRequest,
): Promise<void> {
  const { dropAfter, stallAfter, cutAfter, pauseMs, stepBytes = 16_384 } = answer;
  const length = Math.min(
    body.length,
    ...[dropAfter, stallAfter, cutAfter].filter((n) => n !== undefined),
  );
  response.flushHeaders();
  const closed = new Promise((resolve) => response.once('close', resolve));
  while (noted.sent < length && !response.destroyed) {
    const step = body.subarray(noted.sent, Math.min(noted.sent + stepBytes, length));
    const written = new Promise((resolve) => response.write(step, resolve));
    await Promise.race([written, closed]);
    noted.sent += step.length;
    if (pauseMs) await sleep(pauseMs);
  }
  if (stallAfter !== undefined) return;
  if (dropAfter !== undefined) response.destroy();
  else response.end();
}
