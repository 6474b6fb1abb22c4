// What the demo page has beside its chat: translation while one types, moderation, storage, models from a file or an address
// with what may be wrong with them, and all of a chat by keyboard.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after } from 'node:test';

import { sends } from '../../tools/lib/server.mjs';
import { serveDemo } from '../../tools/serve-demo.mjs';
import { makeTinyModels } from '../golden/support.ts';
import { browserTest } from './support/browsers.mjs';
import { DemoPage, buildHere } from './support/demo.mjs';

const server = await serveDemo(await buildHere(), 0, {
  '/page.gguf': sends('<!doctype html><title>Sign in</title>', 'text/html'),
  '/empty.gguf': sends('', 'application/octet-stream'),
});
after(() => server.close());
const tiny = path.join(makeTinyModels(), 'tiny-rope-yarn.gguf');
const empty = { url: 'about:blank', timeout: 180_000 };

async function open(tab) {
  const page = new DemoPage(tab);
  await page.open(server.url);
  return page;
}

browserTest('translates while one types', empty, async ({ tab }) => {
  const page = await open(tab);
  await page.hasModel();
  await page.press('Translate');
  await page.look(() => {
    globalThis.seen = new Set();
    const place = document.querySelector('.translation');
    new globalThis.MutationObserver(() => globalThis.seen.add(place.innerText)).observe(place, {
      ...{ childList: true, characterData: true, subtree: true },
    });
  });
  const translated = async (typed, before) => {
    await tab.page.type('.translate textarea', typed);
    await page.waitsFor((before) => {
      const { innerText, ariaBusy } = document.querySelector('.translation');
      return innerText.length > before.length && ariaBusy === 'false';
    }, before);
    return page.look(() => document.querySelector('.translation').innerText);
  };
  const first = await translated('Thank you very much.', '');
  assert.ok((await page.look(() => globalThis.seen.size)) > 1, 'it appears in pieces');
  const second = await translated(' Where is the station?', first);
  assert.ok(second.startsWith(first), `“${second}” goes on from “${first}”`);
  await page.retype('.translate textarea', '');
  await page.waitsFor(() => document.querySelector('.translation').innerText === '');
});

browserTest('moderates with probabilities', empty, async ({ tab }) => {
  const page = await open(tab);
  await page.hasModel();
  await page.press('Moderate');
  const seen = [];
  for (const example of ['What a stupid moron', 'Buy cheap pills']) {
    await page.press(example);
    const values = () =>
      [...document.querySelectorAll('.labels progress')].map(({ value }) => value);
    await page.waitsFor(
      (last) => {
        const now = [...document.querySelectorAll('.labels progress')].map(({ value }) => value);
        return now.length > 0 && now.join() !== last;
      },
      seen.at(-1)?.join() ?? '',
    );
    seen.push(await page.look(values));
  }
  for (const probabilities of seen) {
    assert.equal(probabilities.length, 5);
    assert.ok(probabilities.every((p) => p >= 0 && p <= 1));
    const sum = probabilities.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - 1) < 1e-6, `sum ${sum}`);
  }
  const [ordinary, insult] = seen[0];
  assert.ok(insult > ordinary, 'an insult is one');
});

browserTest('shows what is stored, and deletes it', empty, async ({ tab }) => {
  const page = await open(tab);
  await page.hasModel();
  await tab.page.click('.model-button');
  await page.press('Storage');
  for (const shown of ['98.4 MB', 'in use', 'Make persistent']) await page.sees(shown);
  const records = async () => {
    let count = 0;
    for (const { name } of await indexedDB.databases()) {
      if (name === 'pipit-conversations') continue;
      const done = (request) =>
        new Promise((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
      const database = await done(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        count += await done(database.transaction(store).objectStore(store).count());
      }
      database.close();
    }
    return count;
  };
  assert.ok((await page.look(records)) >= 24, 'a record for each chunk');
  await page.press('Verify');
  await page.sees('Every byte is as it was downloaded.');
  await page.press('Delete Smol');
  await page.sees('Delete it from this device?');
  await page.look(() => document.querySelector('[role="group"] .danger').click());
  await page.sees('None is kept on this device.');
  assert.equal(await page.look(records), 0);
});

for (const { what, file, shown } of [
  { what: 'a model', file: tiny, shown: 'a file of yours, not kept by this page' },
  {
    what: 'no model',
    file: path.resolve('package.json'),
    shown: 'package.json: This is not a model that pipit can read',
  },
]) {
  browserTest(`a file: ${what}`, empty, async ({ tab }) => {
    const page = await open(tab);
    await tab.page.click('.model-button');
    await page.chooseModel(file);
    await page.sees(shown);
  });
}

browserTest('bad addresses, in words', empty, async ({ tab }) => {
  const page = await open(tab);
  for (const [address, shown] of [
    ['ftp://example.org/model.gguf', 'That is no web address.'],
    [`${server.url}models/none.gguf`, 'none.gguf: There is no model at this address'],
    [`${server.url}page.gguf`, 'with a web page in place of a model file'],
    [`${server.url}empty.gguf`, 'empty.gguf: The file ends too early'],
  ]) {
    const field = '.thread input[type="url"]';
    await page.retype(field, address);
    await tab.page.keyboard.press('Enter');
    await page.sees(shown);
  }
});

// Firefox without a window gives none of its tabs the focus, and keys press no button there.
const focused = { ...empty, names: ['chromium'] };
browserTest('a chat by keyboard alone', focused, async ({ tab }) => {
  const page = await open(tab);
  const { keyboard } = tab.page;
  /** Presses Tab until what has the focus begins with `label`. */
  const tabTo = async (label, key = 'Tab') => {
    for (let i = 0; i < 60; i++) {
      await keyboard.press(key);
      const name = await page.look(() => {
        const { activeElement } = document;
        return activeElement.getAttribute('aria-label') ?? activeElement.textContent.trim();
      });
      if (name.startsWith(label)) return;
    }
    assert.fail(`The keyboard does not reach “${label}”.`);
  };
  await tabTo('Download');
  await keyboard.press('Enter');
  await page.isReady();
  await tabTo('Your message');
  await keyboard.type('Write a very long story about a bird.');
  await keyboard.press('Enter');
  await page.waitsFor(() => document.querySelector('.message.assistant')?.innerText.length > 20);
  await keyboard.press('Escape');
  const answer = await page.answer();
  await keyboard.down('Shift');
  await tabTo('Answer again');
  await tabTo('Copy');
  await keyboard.up('Shift');
  await keyboard.press('Enter');
  await page.sees('Copied');
  assert.ok(answer.length > 0);
});
