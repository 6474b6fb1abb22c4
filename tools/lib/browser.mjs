// Headless browsers and their pages. Every call has a time limit: a browser that hangs must not hang a test.
import puppeteer from 'puppeteer-core';

/** Where the browsers are. */
export const EXECUTABLES = {
  chromium: process.env.PIPIT_CHROMIUM ?? '/usr/bin/chromium',
  firefox: process.env.PIPIT_FIREFOX ?? '/usr/bin/firefox-esr',
};

export const BROWSERS = Object.keys(EXECUTABLES);

const launchOptions = {
  chromium: {
    browser: 'chrome',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  },
  firefox: {
    browser: 'firefox',
    args: [],
    extraPrefsFirefox: {
      'app.update.disabledForTesting': true,
      'datareporting.policy.dataSubmissionEnabled': false,
      'toolkit.telemetry.enabled': false,
    },
  },
};

/**
 * Starts the browser `name`, with more `args` and, if it is Firefox, `prefs`: { name, version, profile, newProfile(),
 * close() }. What `profile` stores lies
 * on disk, as a person's does; browsers may hold that of others in memory.
 */
export async function launch(
  name,
  { executablePath = EXECUTABLES[name], args = [], prefs = {} } = {},
) {
  const browser = await puppeteer.launch({
    ...launchOptions[name],
    args: [...launchOptions[name].args, ...args],
    extraPrefsFirefox: { ...launchOptions[name].extraPrefsFirefox, ...prefs },
    executablePath,
    headless: true,
    timeout: 60_000,
    // The limits below are the limits.
    protocolTimeout: 0,
  });
  return {
    name,
    version: (await browser.version()).replace('/', ' '),
    profile: profileOf(name, browser.defaultBrowserContext()),
    newProfile: async () => {
      const context = withLimit(browser.createBrowserContext(), 30, `A profile of ${name}`);
      return profileOf(name, await context);
    },
    close: () =>
      withLimit(browser.close(), 30, `Closing ${name}`).catch(() =>
        browser.process()?.kill('SIGKILL'),
      ),
  };
}

/** A profile shares no storage with others, its tabs do: { open(url), errors, close() }. */
function profileOf(name, context) {
  const errors = [];
  return {
    errors,
    open: (url) => openTab(name, context, url, errors),
    close: () => withLimit(context.close(), 30, `Closing a profile of ${name}`),
  };
}

/**
 * A tab: run(seconds, what, f, ...args) evaluates f in the page, setFile(path) puts a file into the page's <input>, `page`
 * is puppeteer's for whatever else. Uncaught errors, also those of promises and of the page's workers, go to `errors`.
 */
async function openTab(name, context, url, errors) {
  const page = await withLimit(context.newPage(), 30, `A tab of ${name}`);
  page.on('pageerror', (error) => errors.push(String(error?.message ?? error)));
  page.on('error', (error) => errors.push(error.message));
  await page.goto(url, { timeout: 30_000 });
  return {
    page,
    run: (seconds, what, f, ...args) =>
      withLimit(page.evaluate(f, ...args), seconds, `${what} in ${name}`),
    setFile: async (path) => {
      const input = await page.$('input');
      await withLimit(input.uploadFile(path), 60, `Choosing a file in ${name}`);
    },
    close: () => withLimit(page.close(), 30, `Closing a tab of ${name}`),
  };
}

/** One tab of a browser of its own, isolated, so that it has threads and precise clocks; with `version`. */
export async function openPage({ name, executablePath, url }) {
  const browser = await launch(name, { executablePath });
  try {
    const tab = await (await browser.newProfile()).open(url);
    if (!(await tab.run(30, 'A look', () => globalThis.crossOriginIsolated))) {
      throw new Error(`The page is not isolated in ${name}, so it has no threads.`);
    }
    return { ...tab, version: browser.version, close: browser.close };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

export function withLimit(promise, seconds, what) {
  let timer;
  const limit = new Promise((_, reject) => {
    const error = new Error(`${what} took more than ${seconds} s.`);
    timer = setTimeout(() => reject(error), seconds * 1000);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
