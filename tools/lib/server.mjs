// A static server for pages that are measured or tested. By default they are isolated, so that they get threads.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { Transform } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** What gives a page SharedArrayBuffer. */
export const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = '<!doctype html><meta charset="utf-8"><title>pipit</title><input type="file">';
const types = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** A route that answers with `text`, by default a script. */
export const sends =
  (text, type = types['.js']) =>
  (_, response) =>
    response.writeHead(200, { 'Content-Type': type }).end(text);

/**
 * Serves an empty page at "/", the built package at "/dist/" and what `routes` says: a URL path to a file or to a function
 * (request, response) that answers, or one that ends with "/" to a folder or to a function for all in it. `headers` go with
 * every file; `port` is any free one unless given. Answers { url, close }; only this machine reaches it.
 */
export async function serve(routes = {}, { headers = ISOLATION, port = 0 } = {}) {
  const allRoutes = {
    '/dist/': path.join(root, 'dist'),
    ...routes,
  };
  allRoutes['/'] ??= sends(page, types['.html']);
  const server = createServer((request, response) => {
    response.setHeader('Cache-Control', 'no-store');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answer(allRoutes, request, response).catch(() => response.destroy());
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answer(routes, request, response) {
  const urlPath = new URL(request.url, 'http://localhost').pathname;
  const route = routes[urlPath] ?? routes[urlPath.replace(/[^/]*$/, '')];
  if (typeof route === 'function') {
    await route(request, response);
    return;
  }
  const file = fileOf(routes, urlPath.replace(/\/$/, '/index.html'));
  const stats = file && (await stat(file).catch(() => null));
  if (!stats?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
  sendFile(file, stats, request, response);
}

/**
 * Answers with the file or the range of it that is asked for, and with nothing where the asker has this version already.
 * `throttle` limits how fast.
 */
export function sendFile(file, { size, mtimeMs }, { method, headers }, response, throttle) {
  const tag = `"${size.toString(16)}-${Math.floor(mtimeMs).toString(16)}"`;
  response.setHeader('ETag', tag);
  response.setHeader('Accept-Ranges', 'bytes');
  if (headers['if-none-match'] === tag) {
    response.writeHead(304).end();
    return;
  }
  const isSameVersion = (headers['if-range'] ?? tag) === tag;
  const range = isSameVersion ? rangeOf(headers.range, size) : undefined;
  if (range === null) {
    response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`);
  response.writeHead(range ? 206 : 200, { 'Content-Length': end - start + 1 });
  if (method === 'HEAD' || size === 0) {
    response.end();
    return;
  }
  const content = createReadStream(file, { start, end });
  if (throttle) content.pipe(throttle.stream()).pipe(response);
  else content.pipe(response);
}

/** The one range that the header asks for, `end` included; undefined: none, so everything; null: outside the file. */
export function rangeOf(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (!first && !last) return undefined;
  const start = first ? Number(first) : Math.max(0, size - Number(last));
  const end = first && last ? Math.min(Number(last), size - 1) : size - 1;
  return start <= end ? { start, end } : null;
}

/** The file that a URL path means, or null; never one outside its route's folder. */
export function fileOf(routes, urlPath) {
  for (const [prefix, target] of Object.entries(routes)) {
    if (typeof target === 'function') continue;
    if (!prefix.endsWith('/') && prefix === urlPath) return target;
    if (!prefix.endsWith('/') || !urlPath.startsWith(prefix)) continue;
    const file = path.join(target, decodeURIComponent(urlPath.slice(prefix.length)));
    return file.startsWith(target + path.sep) ? file : null;
  }
  return null;
}

/** A server's bandwidth, shared by all that is sent through it. */
export class Throttle {
  /** How many were sent. */
  bytes = 0;
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
        this.bytes += chunk.length;
        const now = performance.now();
        this.#free = Math.max(now, this.#free) + (1000 * chunk.length) / this.#bytesPerSecond;
        setTimeout(done, this.#free - now, null, chunk);
      },
    });
  }
}
