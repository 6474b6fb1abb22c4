// The browser's sources, which run in Node too: a fetched file and a Blob give their bytes, whole and in order.
import assert from 'node:assert/strict';
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { openSource } from '../../web/src/browser/source.ts';
import type { ByteSource } from '../../web/src/load_engine.ts';
import { rejectsWith } from './support/expect.ts';

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);

const answers: Record<string, (response: ServerResponse) => void> = {
  '/whole': (response) =>
    response.writeHead(200, { 'content-length': content.length }).end(content),
  '/chunked': (response) => {
    response.write(content.subarray(0, 7));
    setTimeout(() => response.end(content.subarray(7)), 20);
  },
  '/gzip': (response) => {
    const body = gzipSync(content);
    const headers = { 'content-encoding': 'gzip', 'content-length': body.length };
    response.writeHead(200, headers).end(body);
  },
  '/empty': (response) => response.writeHead(200, { 'content-length': 0 }).end(),
  '/missing': (response) => response.writeHead(404).end('no'),
  '/broken': (response) => response.writeHead(500).end('no'),
  '/cut': (response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 1000), () => response.destroy());
  },
};

const server = createServer((request, response) => answers[request.url!]!(response));
const urlOf = (path: string): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => {
  server.closeAllConnections();
  server.close();
});

/** Everything, read into targets of `step` bytes, of which only the last may be left partly filled. */
async function readAll(source: ByteSource, step: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const target = new Uint8Array(step);
    const n = await source.read(target);
    parts.push(target.subarray(0, n));
    if (n < step) break;
  }
  assert.equal(await source.read(new Uint8Array(step)), 0);
  await source.close();
  return Buffer.concat(parts);
}

const sources = [
  { name: 'a file', open: () => openSource({ url: urlOf('/whole') }), size: content.length },
  { name: 'a file of unknown size', open: () => openSource({ url: urlOf('/chunked') }), size: 0 },
  {
    name: 'a compressed answer, whose length is not the size',
    open: () => openSource({ url: urlOf('/gzip') }),
    size: 0,
  },
  { name: 'a Blob', open: () => openSource({ blob: new Blob([content]) }), size: content.length },
];
for (const { name, open, size } of sources) {
  for (const step of [content.length + 1, 65_536, 1000]) {
    test(`${name} gives its bytes, ${step} at a time`, async () => {
      const source = await open();
      assert.equal(source.size, size);
      assert.ok(Buffer.from(content).equals(await readAll(source, step)));
    });
  }
}

const empty = [
  { name: 'an empty file', open: () => openSource({ url: urlOf('/empty') }) },
  { name: 'an empty Blob', open: () => openSource({ blob: new Blob([]) }) },
];
for (const { name, open } of empty) {
  test(`${name} gives nothing`, async () => {
    assert.equal((await readAll(await open(), 10)).length, 0);
  });
}

test('an unfinished source can be closed', async () => {
  const source = await openSource({ url: urlOf('/whole') });
  await source.read(new Uint8Array(10));
  await source.close();
});

const failures = [
  { path: '/missing', code: 'not_found', message: /status 404/ },
  { path: '/broken', code: 'io', message: /status 500/ },
] as const;
for (const { path, code, message } of failures) {
  test(`${path}: ${code}`, async () => {
    await rejectsWith(openSource({ url: urlOf(path) }), code, message);
  });
}

test('a server that cannot be reached: io', async () => {
  await rejectsWith(openSource({ url: 'http://127.0.0.1:1/' }), 'io');
});

test('an answer that is cut off: io', async () => {
  const source = await openSource({ url: urlOf('/cut') });
  await rejectsWith(readAll(source, 4096), 'io');
  await source.close();
});
