// Tests in real browsers: each runs in Chromium and in Firefox, in a fresh profile.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { BROWSERS, launch } from '../../../tools/lib/browser.mjs';
import { serve } from '../../../tools/lib/server.mjs';

const launched = new Map();

after(async () => {
  for (const browser of launched.values())
    await browser.then(({ close }) => close()).catch(() => {});
});

/** The browser of this test file, which all its tests share. */
function browserOf(name, prefs) {
  if (!launched.has(name)) launched.set(name, launch(name, { prefs }));
  return launched.get(name);
}

/**
 * A test on the page at `url`, in each of the browsers `names`. `run` gets the page (tools/lib/browser.mjs: openTab) as
 * `tab`, `open(url)` for more tabs of the same profile, the browser's `name`, `part(what, run)` for tests inside of this one,
 * which share what took long to make, `diagnose(text)` for what was measured, and `errors`: what nobody caught in any of the
 * tabs. What is still in there at the end fails the test. `prefs` are those that Firefox starts with; they count for the
 * whole file.
 */
export function browserTest(what, { url, names = BROWSERS, timeout = 120_000, prefs }, run) {
  for (const name of names) {
    test(`${name}: ${what}`, { timeout }, async (context) => {
      const { open, errors, close } = await (await browserOf(name, prefs)).newProfile();
      try {
        await run({
          tab: await open(url),
          open,
          name,
          errors,
          part: (what, run) => context.test(what, run),
          diagnose: (text) => context.diagnostic(text),
        });
        assert.deepEqual(errors, [], 'errors that nobody caught');
      } finally {
        await close();
      }
    });
  }
}

/** A server (tools/lib/server.mjs: serve) that ends with the tests of this file. */
export async function serveHere(routes, options) {
  const server = await serve(routes, options);
  after(() => server.close());
  return server;
}
