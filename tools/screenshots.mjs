// npm run screenshots: pictures of the demo page, taken while Chromium works it with the real model; they lie in
// web/demo/screenshots. A fixed seed and deterministic kernels say the same on every machine.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildDemo } from './build-demo.mjs';
import { launch } from './lib/browser.mjs';
import { serveDemo } from './serve-demo.mjs';

const out = fileURLToPath(new URL('../web/demo/screenshots', import.meta.url));
const limit = { timeout: 60_000 };

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
    await press(page, 'Download');
    await page.waitForSelector('.model-light.ready', limit);
    for (const text of turns) {
      await page.type('[aria-label="Your message"]', text);
      await press(page, 'Send');
      await until(page, () => document.querySelector('.message.last .ending'));
    }
  },
  async statistics(page) {
    await page.click('.model-button');
    await press(page, 'Statistics');
  },
  async storage(page) {
    await press(page, 'Storage');
    await until(page, () => document.querySelector('.stored-card'));
  },
  async translate(page) {
    await press(page, 'Close the side panel');
    await press(page, 'Translate');
    await page.type('.translate textarea', 'Good morning. Where is the station?');
    await until(page, () => /\S.*\S/.test(document.querySelector('.translation').innerText));
    await until(page, () => document.querySelector('.translation[aria-busy="false"]'));
  },
  async moderate(page) {
    await press(page, 'Moderate');
    await press(page, 'What a stupid moron');
    await until(page, () => document.querySelector('.labels progress'));
  },
};

async function press(page, name) {
  const find = (name) => {
    const isShown = (button) => button.checkVisibility({ visibilityProperty: true });
    const labelOf = (button) => button.getAttribute('aria-label') ?? button.textContent.trim();
    const buttons = [...document.querySelectorAll('button:not(:disabled)')].filter(isShown);
    return buttons.find((button) => labelOf(button).startsWith(name)) ?? null;
  };
  const button = await page.waitForFunction(find, limit, name);
  await button.evaluate((button) => button.click());
}

const until = (page, f) => page.waitForFunction(f, limit);

async function take(browser, url, { theme, viewport, kept }) {
  const profile = await browser.newProfile();
  const { page } = await profile.open(url);
  await page.setViewport(viewport);
  await page.evaluate(
    (settings) => globalThis.localStorage.setItem('pipit.settings', JSON.stringify(settings)),
    { ...settings, theme },
  );
  await page.reload(limit);
  await page.waitForSelector('h1', limit);
  for (const [name, prepare] of Object.entries(scenes)) {
    await prepare(page);
    if (!kept.includes(name)) continue;
    // The pointer lights up what is under it, and pictures come and go softly.
    await page.mouse.move(0, 0);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 400)));
    await page.screenshot({ path: path.join(out, `${name}-${theme}-${viewport.width}.png`) });
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
