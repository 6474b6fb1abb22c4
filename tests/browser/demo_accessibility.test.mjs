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
const widths = [1280, 390];
const empty = { url: 'about:blank', timeout: 240_000 };

/** What axe finds in what is shown, as "rule: element". */
async function problems(page) {
  await page.tab.page.evaluate(axe);
  return page.look(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  });
}

const openPanel = () => {
  const button = document.querySelector('.model-button');
  if (button.getAttribute('aria-expanded') !== 'true') button.click();
};

for (const theme of ['light', 'dark']) {
  for (const width of widths) {
    browserTest(`${theme}, ${width} pixels: axe finds nothing serious`, empty, async ({ tab }) => {
      const page = new DemoPage(tab);
      await tab.page.setViewport({ width, height: 844 });
      await page.open(server.url);
      await page.look((theme) => {
        globalThis.localStorage.setItem('pipit.settings', JSON.stringify({ theme }));
      }, theme);
      await tab.page.reload();
      await tab.page.waitForSelector('h1');
      const found = {};
      for (const name of ['Chat', 'Translate', 'Moderate']) {
        await page.press(name);
        found[name] = await problems(page);
      }
      for (const name of ['Models', 'Storage', 'Settings', 'Statistics']) {
        await page.look(openPanel);
        await page.press(name);
        found[name] = await problems(page);
      }
      await page.press('Close the side panel');
      await page.press('Chat');
      await page.hasModel();
      await page.ask('Name three birds as a list.');
      await page.answer();
      found['an answer'] = await problems(page);
      assert.deepEqual(
        Object.entries(found).filter(([, list]) => list.length > 0),
        [],
      );
    });
  }
}

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
