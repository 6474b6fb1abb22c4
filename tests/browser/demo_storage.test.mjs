// The demo page where there is little room: what it says of a model that cannot be kept, and of what the browser answers
// when it is asked to keep everything.
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { after } from 'node:test';

import { sends } from '../../tools/lib/server.mjs';
import { serveDemo } from '../../tools/serve-demo.mjs';
import { makeTinyModels } from '../golden/support.ts';
import { browserTest } from './support/browsers.mjs';
import { DemoPage, buildHere } from './support/demo.mjs';

const folder = await buildHere();
const tiny = path.join(makeTinyModels(), 'tiny-rope-yarn.gguf');
const worker = await readFile(path.join(folder, 'worker.js'), 'utf8');
const empty = { url: 'about:blank' };

/** Serves the page with a small model; pipit's worker begins with the script `first`. */
async function serveWith(first) {
  const server = await serveDemo(folder, 0, {
    '/worker.js': sends(first + worker),
    '/tiny.gguf': tiny,
  });
  after(() => server.close());
  return server;
}

const { size } = await stat(tiny);
const needs = `It needs ${(size / 1000).toFixed(1)} kB, and there is `;
for (const { what, first, room } of [
  {
    what: 'the browser gives too little',
    first: 'navigator.storage.estimate = async () => ({ usage: 9e5, quota: 1e6 });',
    room: 'only 100.0 kB left',
  },
  {
    what: 'the disk is full',
    first: `IDBObjectStore.prototype.put = () => {
      throw new DOMException('The disk is full.', 'QuotaExceededError');
    };`,
    room: 'not enough left',
  },
]) {
  const server = await serveWith(first);
  browserTest(`no room for a model: ${what}`, empty, async ({ tab }) => {
    const page = new DemoPage(tab);
    await page.open(server.url);
    await page.retype('.thread input[type="url"]', `${server.url}tiny.gguf`);
    await tab.page.keyboard.press('Enter');
    await page.sees('tiny.gguf is ready, but could not be kept on this device.');
    await page.press('Why');
    for (const shown of [
      `The model works, but could not be stored and will be downloaded again next time. ${needs}${room}`,
      'Delete other models or data of this site to make room.',
      'not kept on this device',
    ]) {
      await page.sees(shown);
    }
    await page.press('Storage');
    await page.sees('None is kept on this device.');
  });
}

const server = await serveWith('');
const offer = 'The browser may delete it when the device runs out of room.';
for (const { what, answer, shown, later = offer } of [
  { what: 'granted', answer: true, shown: 'Persistent: ', later: 'Persistent: ' },
  { what: 'denied', answer: false, shown: 'The browser did not agree.' },
  { what: 'an error', answer: 'error', shown: 'The browser did not agree.' },
  { what: 'no answer', answer: undefined, shown: 'Waiting for the browser' },
]) {
  browserTest(`“Make persistent”: ${what}`, empty, async ({ tab }) => {
    const page = new DemoPage(tab);
    await tab.page.evaluateOnNewDocument((answer) => {
      const prototype = globalThis.StorageManager?.prototype;
      if (!prototype) return; // about:blank in Firefox
      let isKept = false;
      prototype.persisted = () => Promise.resolve(isKept);
      prototype.persist = () => {
        isKept = answer === true;
        if (answer === undefined) return new Promise(() => {});
        return answer === 'error' ? Promise.reject(new Error('blocked')) : Promise.resolve(answer);
      };
    }, answer);
    await page.open(server.url);
    await tab.page.click('.model-button');
    await page.press('Storage');
    await page.sees(offer);
    await page.press('Make persistent');
    await page.sees(shown);
    // Whatever came of it, the page goes on.
    await page.press('Models');
    await page.sees('From an address');
    await page.press('Storage');
    await page.sees(later);
    const isOffered = await page.look(() => document.body.innerText.includes('Make persistent'));
    assert.equal(isOffered, later === offer);
  });
}
