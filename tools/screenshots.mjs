// npm run screenshots: pictures of the demo page, taken while Chromium works it with the real model; they lie in
// web/demo/screenshots. A fixed seed and deterministic kernels say the same on every machine.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildDemo } from './build-demo.mjs';
import { launch } from './lib/browser.mjs';
import { DemoPage } from './lib/demo_page.mjs';
import { serveDemo } from './serve-demo.mjs';

const out = fileURLToPath(new URL('../web/demo/screenshots', import.meta.url));

const settings = {
  seed: 6,
  kernels: 'simd128',
  kvType: 'f32',
  threads: 1,
  maxTokens: 250,
};
const turns = ['Why is the sky blue?', 'Write a short poem about a small bird in the rain.'];
const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
/** What is kept of the scenes. */
const pictures = [
  { theme: 'light', viewport: desktop, kept: ['welcome', 'chat', 'translate'] },
  { theme: 'light', viewport: phone, kept: ['chat', 'moderate'] },
  { theme: 'dark', viewport: desktop, kept: ['statistics'] },
  { theme: 'dark', viewport: phone, kept: ['chat', 'storage'] },
];

/** What is done before each picture, one scene after the other. */
const scenes = {
  async welcome() {},
  async chat(page) {
    await page.hasModel();
    for (const text of turns) {
      await page.ask(text);
      await page.answer();
    }
  },
  async statistics(page) {
    await page.tab.page.click('.model-button');
    await page.press('Statistics');
  },
  async storage(page) {
    await page.press('Storage');
    await page.waitsFor(() => document.querySelector('.stored-card'));
  },
  async translate(page) {
    await page.press('Close the side panel');
    await page.press('Translate');
    await page.tab.page.type('.translate textarea', 'Good morning. Where is the station?');
    await page.waitsFor(() => /\S.*\S/.test(document.querySelector('.translation').innerText));
    await page.waitsFor(() => document.querySelector('.translation[aria-busy="false"]'));
  },
  async moderate(page) {
    await page.press('Moderate');
    await page.press('What a stupid moron');
    await page.waitsFor(() => document.querySelector('.labels progress'));
  },
};

async function take(browser, url, { theme, viewport, kept }) {
  const profile = await browser.newProfile();
  const page = new DemoPage(await profile.open('about:blank'));
  const { page: tab } = page.tab;
  await tab.setViewport(viewport);
  await tab.evaluateOnNewDocument(
    (settings) => globalThis.localStorage.setItem('pipit.settings', JSON.stringify(settings)),
    { ...settings, theme },
  );
  await page.open(url);
  for (const [name, prepare] of Object.entries(scenes)) {
    await prepare(page);
    if (!kept.includes(name)) continue;
    // The pointer lights up what is under it, and pictures come and go softly.
    await tab.mouse.move(0, 0);
    await page.look(() => new Promise((resolve) => setTimeout(resolve, 400)));
    await tab.screenshot({ path: path.join(out, `${name}-${theme}-${viewport.width}.png`) });
  }
  await profile.close();
}

await mkdir(out, { recursive: true });
const folder = await mkdtemp(path.join(tmpdir(), 'pipit-demo-'));
await buildDemo({ out: folder, modelBase: 'models/' });
const server = await serveDemo(folder, 0);
const browser = await launch('chromium');
try {
  for (const picture of pictures) await take(browser, server.url, picture);
} finally {
  await browser.close();
  server.close();
  await rm(folder, { recursive: true });
}
