// What a person does with the demo page: conversations, translation while one types, moderation, storage, models from a file
// or an address with what may be wrong with them, and all of a chat by keyboard.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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

browserTest('beside the chat, with a model', empty, async ({ tab, part }) => {
  const page = await open(tab);
  await tab.page.setViewport({ width: 1280, height: 800 });
  await page.hasModel();
  await part('translates while one types', () => translates(page));
  await part('typing on interrupts a translation', () => interrupts(page));
  await part('moderates with probabilities', () => moderates(page));
  await part('answers again, edits, switches, exports and imports', () => converses(page));
  await part('shows what is stored, and deletes it', () => stores(page));
});

const source = '.translate textarea';

/** Waits until there is a translation of all that was typed, other than `before`. */
async function translation(page, before = '') {
  await page.waitsFor((before) => {
    const { innerText, ariaBusy } = document.querySelector('.translation');
    return innerText.trim() !== '' && innerText !== before && ariaBusy === 'false';
  }, before);
  return page.look(() => document.querySelector('.translation').innerText);
}

async function clear(page) {
  await page.retype(source, '');
  await page.waitsFor(() => document.querySelector('.translation').innerText === '');
}

async function translates(page) {
  await page.press('Translate');
  await page.look(() => {
    globalThis.seen = new Set();
    const place = document.querySelector('.translation');
    new globalThis.MutationObserver(() => globalThis.seen.add(place.innerText)).observe(place, {
      ...{ childList: true, characterData: true, subtree: true },
    });
  });
  await page.tab.page.type(source, 'Thank you very much.');
  const first = await translation(page);
  assert.ok((await page.look(() => globalThis.seen.size)) > 1, 'it appears in pieces');
  await page.tab.page.type(source, ' Where is the station?');
  const second = await translation(page, first);
  assert.ok(second.startsWith(first), `“${second}” goes on from “${first}”`);
  await clear(page);
}

/** The rest of a sentence is typed as soon as the translation of its beginning appears. */
async function interrupts(page) {
  const beginning = 'My friend and I would like to visit the old museum near the river';
  const whole = `${beginning}, because it rains.`;
  await page.look(
    (source, whole) => {
      const place = document.querySelector('.translation');
      let typedAt;
      const observer = new globalThis.MutationObserver(() => {
        if (place.innerText.trim() === '') return;
        if (typedAt !== undefined) {
          globalThis.silence ??= performance.now() - typedAt;
          return;
        }
        const field = document.querySelector(source);
        field.value = whole;
        field.dispatchEvent(new Event('input', { bubbles: true }));
        typedAt = performance.now();
        globalThis.partial = place.innerText;
      });
      observer.observe(place, { childList: true, characterData: true, subtree: true });
    },
    source,
    whole,
  );
  await page.retype(source, beginning);
  await page.waitsFor(() => globalThis.silence);
  const partial = await page.look(() => globalThis.partial);
  const final = await translation(page, partial);
  // Nobody types on within a third of a second, and until then nothing may come.
  const silence = await page.look(() => globalThis.silence);
  assert.ok(silence > 300, `the interrupted translation went on after ${silence} ms`);

  await page.tab.page.reload();
  await page.isReady();
  await page.tab.page.type(source, whole);
  assert.equal(await translation(page), final, 'the same as without an interruption');
}

async function moderates(page) {
  await page.press('Moderate');
  const values = () => [...document.querySelectorAll('.labels progress')].map(({ value }) => value);
  const seen = [[]];
  for (const example of ['What a stupid moron', 'Buy cheap pills']) {
    await page.press(example);
    await page.waitsFor((last) => {
      const now = [...document.querySelectorAll('.labels progress')].map(({ value }) => value);
      return now.length > 0 && now.join() !== last;
    }, seen.at(-1).join());
    seen.push(await page.look(values));
  }
  for (const probabilities of seen.slice(1)) {
    assert.equal(probabilities.length, 5);
    assert.ok(probabilities.every((p) => p >= 0 && p <= 1));
    const sum = probabilities.reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - 1) < 1e-6, `sum ${sum}`);
  }
  const [ordinary, insult] = seen[1];
  assert.ok(insult > ordinary, 'an insult is one');
}

async function converses(page) {
  const { page: tab } = page.tab;
  await page.look(() => globalThis.localStorage.setItem('pipit.settings', '{"maxTokens": 16}'));
  await tab.reload();
  await page.isReady();
  await page.press('Chat');
  await page.ask('Name a bird.');
  await page.answer();
  await page.press('Answer again');
  await page.sees('2/2');
  await page.answer();
  // Selects as soon as the field is there; nothing may move the caret after that.
  await page.look(() => {
    new globalThis.MutationObserver((_, observer) => {
      const field = document.querySelector('.message-editor textarea');
      if (!field) return;
      observer.disconnect();
      field.select();
    }).observe(document.body, { childList: true, subtree: true });
  });
  await page.press('Edit');
  await page.look(() => new Promise((resolve) => setTimeout(resolve, 200)));
  await tab.keyboard.type('Name a river.');
  await tab.keyboard.press('Enter');
  await page.waitsFor(() => document.querySelector('.user-text')?.innerText === 'Name a river.');
  await page.answer();
  await page.press('Earlier version');
  await page.waitsFor(() => document.querySelector('.user-text').innerText === 'Name a bird.');
  await page.press('New conversation');
  await page.sees('What shall we talk about?');
  await page.ask('Name a fish.');
  await page.answer();
  await page.press('Name a bird.');
  await page.waitsFor(() => document.querySelector('.user-text').innerText === 'Name a bird.');

  await page.look(() => {
    // In place of a download.
    URL.createObjectURL = (file) => {
      globalThis.exported = file.text();
      return '';
    };
    globalThis.HTMLAnchorElement.prototype.click = () => {};
  });
  await page.press('Export');
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'pipit-export-')), 'export.json');
  after(() => rm(path.dirname(file), { recursive: true }));
  await writeFile(file, await page.look(() => globalThis.exported));
  const { conversations } = JSON.parse(await readFile(file, 'utf8'));
  assert.deepEqual(
    conversations.map(({ title, messages }) => [title, messages.length]),
    [
      ['Name a fish.', 2],
      ['Name a bird.', 5],
    ],
  );
  const titles = () =>
    [...document.querySelectorAll('.conversation-title')].map((title) => title.innerText);
  await page.press('Delete “Name a fish');
  await page.waitsFor(() => document.querySelectorAll('.conversation-title').length === 1);
  const input = await tab.$('[aria-label="File with conversations"]');
  await input.uploadFile(file);
  await page.sees('1 conversation imported; the others of the file are here already.');
  assert.deepEqual(await page.look(titles), ['Name a fish.', 'Name a bird.']);
}

async function stores(page) {
  await page.tab.page.click('.model-button');
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
  await page.press('Keep');
  await page.waitsFor(() => document.activeElement.textContent.startsWith('Delete'));
  await page.press('Delete Smol');
  await page.look(() => document.querySelector('[role="group"] .danger').click());
  await page.sees('None is kept on this device.');
  assert.equal(await page.look(() => document.activeElement.textContent), 'Models', 'the focus');
  assert.equal(await page.look(records), 0);
}

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

browserTest('a chat by keyboard alone', empty, async ({ tab }) => {
  const page = await open(tab);
  const { keyboard } = tab.page;
  /**
   * Presses Shift and Tab until what has the focus begins with `label`. Never past the page's end: from there Firefox, which
   * has no window here, does not give the focus back.
   */
  const backTo = async (label) => {
    await keyboard.down('Shift');
    for (let name = '', i = 0; !name.startsWith(label); i++) {
      assert.ok(i < 20, `The keyboard does not reach “${label}”.`);
      await keyboard.press('Tab');
      name = await page.look(() => {
        const { activeElement } = document;
        return activeElement.getAttribute('aria-label') ?? activeElement.textContent.trim();
      });
    }
    await keyboard.up('Shift');
  };
  /** Waits until the composer has the focus: where one goes on. */
  const atComposer = () =>
    page.waitsFor(() => document.activeElement.matches('.composer textarea'));
  await atComposer();
  await backTo('Download');
  await keyboard.press('Enter');
  await page.isReady();
  await atComposer();
  await keyboard.type('Write a very long story about a bird.');
  await keyboard.press('Enter');
  await page.waitsFor(() => document.querySelector('.message.assistant')?.innerText.length > 20);
  await keyboard.press('Escape');
  assert.ok((await page.answer()).length > 0);
  await backTo('Copy');
  await keyboard.press('Enter');
  await page.sees('Copied');
  await backTo('Edit');
  await keyboard.press('Enter');
  await page.waitsFor(() => document.activeElement.matches('.message-editor textarea'));
  await keyboard.press('Escape');
  await page.waitsFor(() => document.activeElement.ariaLabel === 'Edit');
});
