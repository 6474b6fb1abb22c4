// The demo page as a person uses it: downloads the model, chats, comes back without a network, and what may go wrong.
import assert from 'node:assert/strict';
import path from 'node:path';

import { makeTinyModels } from '../golden/support.ts';
import { browserTest } from './support/browsers.mjs';
import { BASE_MODEL_FILE, DemoPage, buildHere, serveWithModel } from './support/demo.mjs';

const folder = await buildHere();
const encoders = makeTinyModels({ generator: 'make-tiny-encoders.py' });
const size = 98_362_432;

const empty = { url: 'about:blank', timeout: 240_000 };

browserTest(
  'downloads, pauses, goes on, chats, and comes back without a server',
  empty,
  async ({ tab }) => {
    const server = await serveWithModel(folder, 40e6);
    const page = new DemoPage(tab);
    try {
      await page.open(server.url);
      await page.press('Download');
      await page.waitsFor(() => / MB of 98.4 MB .*\/s · .* left/.test(document.body.innerText));
      await page.press('Pause');
      await page.sees('is paused');
      assert.ok(server.sent() < size, 'paused before the end');
      await page.press('Resume');
      await page.isReady();
      assert.ok(server.sent() < 1.5 * size, 'not from the beginning again');

      const { length } = server.requests;
      await page.ask('Why is the sky blue?');
      const beginning = await page.look(
        () => document.querySelector('.message.assistant .message-body').innerText,
      );
      const answer = await page.answer();
      assert.ok(answer.length > beginning.length, 'the answer appears in pieces');
      assert.equal(server.requests.length, length, 'requests while the model answers');

      await page.ask('Write a long story about a bird.');
      await page.press('Stop the answer');
      await page.answer();

      await tab.page.reload();
      await page.isReady();
      await page.sees('Why is the sky blue?');
      assert.equal(server.requests.length, length, 'the model comes from IndexedDB');
      await page.look(async () => void (await navigator.serviceWorker.ready));

      assert.deepEqual(await page.look(() => globalThis.violations), []);
    } finally {
      server.close();
    }
    await tab.page.reload();
    await page.isReady();
    await page.ask('And at night?');
    assert.ok((await page.answer()).length > 0);
    assert.deepEqual(await page.look(() => globalThis.violations), []);
  },
);

browserTest('a base model continues what is written', empty, async ({ tab }) => {
  const server = await serveWithModel(folder, 40e6);
  const page = new DemoPage(tab);
  try {
    await page.open(server.url);
    await tab.page.click('.model-button');
    await page.chooseModel(BASE_MODEL_FILE);
    await page.isReady();
    await page.sees('it continues what you write');
    await page.ask('The planets of the solar system, in order: 1. Mercury 2. Venus 3.');
    await page.press('Stop the answer');
    assert.match(await page.answer(), /Earth/);
    assert.deepEqual(await page.look(() => globalThis.violations), []);
  } finally {
    server.close();
  }
});

browserTest('an embedding model is refused in a sentence', empty, async ({ tab }) => {
  const server = await serveWithModel(folder, 40e6);
  const page = new DemoPage(tab);
  try {
    await page.open(server.url);
    await tab.page.click('.model-button');
    await page.chooseModel(path.join(encoders, 'tiny-bert-mean.gguf'));
    await page.sees(
      'This is an embedding model (bert): it makes vectors of texts, and cannot write.',
    );
    assert.deepEqual(await page.look(() => globalThis.violations), []);
  } finally {
    server.close();
  }
});
