// A static server for pages that are measured or tested. By default they are isolated, so that they get threads.
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
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
  '.wasm': 'application/wasm',
};
// A worker has no import map, so the server puts the address where the package's name stands.
const bareImports = [["'@huggingface/jinja'", "'/jinja/index.js'"]];

/**
 * Serves an empty page at "/", the built package at "/dist/" and what `routes` says: a URL path to a file or to a function
 * (request, response) that answers, or one that ends with "/" to a folder. `headers` go with every file. Answers
 * { url, close }; only this machine reaches it.
 */
export async function serve(routes = {}, { headers = ISOLATION } = {}) {
  const allRoutes = {
    '/': (_, response) => response.writeHead(200, { 'Content-Type': types['.html'] }).end(page),
    '/dist/': path.join(root, 'dist'),
    '/jinja/': path.join(root, 'node_modules', '@huggingface', 'jinja', 'dist'),
    ...routes,
  };
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader('Cache-Control', 'no-store');
    answer(allRoutes, request, response).catch(() => response.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
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
  if (typeof routes[urlPath] === 'function') {
    await routes[urlPath](request, response);
    return;
  }
  const file = fileOf(routes, urlPath);
  const stats = file && (await stat(file).catch(() => null));
  if (!stats?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
  if (urlPath.startsWith('/dist/') && file.endsWith('.js')) {
    let text = await readFile(file, 'utf8');
    for (const [name, address] of bareImports) text = text.replaceAll(name, address);
    response.end(text);
    return;
  }
  response.setHeader('Content-Length', stats.size);
  createReadStream(file).pipe(response);
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
