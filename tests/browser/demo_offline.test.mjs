// The demo page's service worker: the page works without its server, is isolated where the host does not isolate it, and
// goes over to a new version as a whole.
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { buildDemo } from '../../tools/build-demo.mjs';
import { serve } from '../../tools/lib/server.mjs';
import { serveDemo } from '../../tools/serve-demo.mjs';
import { browserTest, serveHere } from './support/browsers.mjs';

const folder = await mkdtemp(path.join(tmpdir(), 'pipit-demo-'));
after(() => rm(folder, { recursive: true }));
const [first, second] = ['first', 'second'].map((name) => path.join(folder, name));
for (const out of [first, second]) await buildDemo({ out, modelBase: path.basename(out) });

const limit = { timeout: 30_000 };
const noHeaders = { headers: {} };
const blank = { url: 'about:blank' };
const untilShown = (tab) => tab.page.waitForSelector('h1', limit);
const untilKept = (tab) =>
  tab.run(30, 'Waiting for the service worker', async () => {
    await navigator.serviceWorker.ready;
  });

const plain = await serveHere({ '/some/where/': first, '/': first }, noHeaders);
const empty = path.join(folder, 'empty.js');
await writeFile(empty, '');
const hopeless = await serveHere({ '/service_worker.js': empty, '/': first }, noHeaders);

for (const at of ['', 'some/where/', 'some/where/index.html?x=1#moderate']) {
  const url = plain.url + at;
  browserTest(
    `a host without headers, /${at}: isolated after a reload`,
    { url },
    async ({ tab }) => {
      await tab.page.waitForFunction('crossOriginIsolated', limit);
      await untilShown(tab);
      assert.equal(await tab.run(10, 'Looking', () => location.href), url);
    },
  );
}

browserTest('where nothing isolates it, the page is reloaded once', hopeless, async ({ tab }) => {
  const isReloaded = () => performance.getEntriesByType('navigation')[0].type === 'reload';
  await tab.page.waitForFunction(isReloaded, limit);
  await untilShown(tab);
  await tab.page.evaluate(() => {
    globalThis.stays = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(await tab.run(10, 'Looking', () => globalThis.stays), true);
});

// It begins elsewhere: a page that its service worker is about to reload would stop the navigation.
browserTest('without service workers the page works as it is', blank, async ({ tab }) => {
  await tab.page.evaluateOnNewDocument(() => {
    delete Navigator.prototype.serviceWorker;
  });
  await tab.page.goto(plain.url, limit);
  await untilShown(tab);
  assert.equal(await tab.run(10, 'Looking', () => 'serviceWorker' in navigator), false);
});

for (const { what, start } of [
  { what: 'with its headers', start: (folder) => serveDemo(folder, 0) },
  { what: 'without headers', start: (folder) => serve({ '/': folder }, noHeaders) },
]) {
  browserTest(`a host ${what}: its page works offline, isolated`, blank, async ({ tab }) => {
    const server = await start(first);
    await tab.page.goto(server.url, limit);
    await untilKept(tab);
    await tab.page.waitForFunction('crossOriginIsolated', limit);
    server.close();
    await tab.page.reload(limit);
    await untilShown(tab);
    const files = ['wasm/pipit-relaxed-threads.wasm', 'worker.js', 'pipit.svg'];
    const look = async (files) => {
      const answers = await Promise.all(files.map((file) => fetch(file)));
      return [crossOriginIsolated, ...answers.map(({ status }) => status)];
    };
    assert.deepEqual(await tab.run(10, 'Looking', look, files), [true, 200, 200, 200]);
  });
}

browserTest(
  'a new version takes over with the next visit',
  blank,
  async ({ tab, open, errors }) => {
    const served = path.join(folder, 'served');
    await cp(first, served, { recursive: true });
    const server = await serveDemo(served, 0);
    try {
      const look = async () => {
        const cache = await caches.open((await caches.keys())[0]);
        const main = (await (await fetch('main.js')).text()).match(/(first|second)\/smollm2/)?.[1];
        return { caches: (await caches.keys()).length, files: (await cache.keys()).length, main };
      };
      await tab.page.goto(server.url, limit);
      await untilKept(tab);
      await tab.page.reload(limit);
      const before = await tab.run(10, 'Looking', look);
      assert.equal(before.main, 'first');
      await cp(second, served, { recursive: true });
      const isWaiting = async () => {
        const registration = await navigator.serviceWorker.ready;
        if (!registration.installing && !registration.waiting) await registration.update();
        return registration.waiting !== null;
      };
      await tab.page.waitForFunction(isWaiting, limit);
      assert.equal((await tab.run(10, 'Looking', look)).main, 'first', 'while the page is open');
      const other = await open(server.url);
      assert.equal((await other.run(10, 'Looking', look)).main, 'first', 'while two are open');
      await other.close();
      // A tab that was just closed may still count as open, so several visits. The page, as it goes over, reloads itself, and no
      // visit of ours is to cross that.
      const end = Date.now() + limit.timeout;
      const expected = { ...before, main: 'second' };
      let after;
      const isThere = async () => {
        after = await tab.run(10, 'Looking', look).catch(() => {});
        return isDeepStrictEqual(after, expected);
      };
      for (let looks = 0; !(await isThere()) && Date.now() < end; looks++) {
        if (looks % 10 === 0) await tab.page.reload(limit).catch(() => {});
        await sleep(200);
      }
      assert.deepEqual(after, expected);
      // Firefox says this of requests, without an address, that the worker before was to answer as it was replaced; whoever
      // asked is a page that is no more.
      const ofNobody = 'Failed to load ‘’. A ServiceWorker intercepted the request';
      errors.splice(0, errors.length, ...errors.filter((error) => !error.startsWith(ofNobody)));
    } finally {
      server.close();
    }
  },
);
