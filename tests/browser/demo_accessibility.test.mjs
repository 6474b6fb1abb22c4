// The demo page for everybody: axe finds nothing serious in any of its views, by day and by night, on a desk and on a phone,
// and the keyboard alone reaches everything.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { serveDemo } from '../../tools/serve-demo.mjs';
import { browserTest } from './support/browsers.mjs';
import { DemoPage, buildHere } from './support/demo.mjs';

const axe = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const server = await serveDemo(await buildHere(), 0);
after(() => server.close());
const views = ['light', 'dark'].flatMap((theme) => [
  { theme, width: 1280 },
  { theme, width: 390 },
]);
const empty = { url: 'about:blank', timeout: 240_000 };

/** Asserts that axe finds nothing serious in what is shown. */
async function isAccessible(page, what) {
  const found = await page.look(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
  assert.deepEqual(found, [], what);
}

const openPanel = () => {
  const button = document.querySelector('.model-button');
  if (button.ariaExpanded !== 'true') button.click();
};

/** Looks at the page by day or by night, on a desk or on a phone; the side panel is then closed. */
async function show(page, { theme, width }) {
  await page.tab.page.setViewport({ width, height: 844 });
  await page.look(openPanel);
  await page.press('Settings');
  await page.tab.page.select('.panel select:has([value="dark"])', theme);
  await page.press('Close the side panel');
  // Colours on their way to others have the contrast of neither.
  await page.look(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
}

browserTest('axe finds nothing serious', empty, async ({ tab, part }) => {
  const page = new DemoPage(tab);
  await page.open(server.url);
  await tab.page.evaluate(axe);
  for (const view of views) {
    await part(`${view.theme}, ${view.width} pixels, no model`, async () => {
      await show(page, view);
      for (const name of ['Translate', 'Moderate', 'Chat']) {
        await page.press(name);
        await isAccessible(page, name);
      }
      await page.look(openPanel);
      for (const name of ['Storage', 'Settings', 'Statistics', 'Models']) {
        await page.press(name);
        await isAccessible(page, name);
      }
      await page.press('Close the side panel');
    });
  }
  await page.hasModel();
  await page.ask('Name three birds as a list.');
  await page.answer();
  for (const view of views) {
    await part(`${view.theme}, ${view.width} pixels, an answer`, async () => {
      await show(page, view);
      await isAccessible(page, 'an answer');
      await page.look(openPanel);
      for (const name of ['Models', 'Storage', 'Statistics']) {
        await page.press(name);
        await isAccessible(page, name);
      }
      await page.press('Close the side panel');
    });
  }
});

browserTest('the keyboard alone reaches everything', empty, async ({ tab }) => {
  const page = new DemoPage(tab);
  await tab.page.setViewport({ width: 1280, height: 844 });
  await page.open(server.url);
  const wanted = await page.look(() => {
    const controls = 'button:not(:disabled), input:not([type="file"]), textarea, select, a[href]';
    const shown = [...document.querySelectorAll(controls)].filter(
      (element) => element.checkVisibility({ visibilityProperty: true }) && element.tabIndex >= 0,
    );
    globalThis.controls = shown;
    return shown.length;
  });
  const reached = new Set();
  for (let i = 0; i < 2 * wanted; i++) {
    await tab.page.keyboard.press('Tab');
    reached.add(await page.look(() => globalThis.controls.indexOf(document.activeElement)));
  }
  reached.delete(-1);
  assert.equal(reached.size, wanted);
});
