// Headless browsers with an isolated page. Every call has a time limit: a browser that hangs must not hang a benchmark.
import puppeteer from 'puppeteer-core';

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

export const BROWSERS = Object.keys(launchOptions);

/**
 * Opens the page at `url` in the browser `name`. Answers { version, run, setFile, close }: run(seconds, what, f, ...args)
 * evaluates f in the page, setFile(path) puts a file into the page's <input>.
 */
export async function openPage({ name, executablePath, url }) {
  const browser = await puppeteer.launch({
    ...launchOptions[name],
    executablePath,
    headless: true,
    timeout: 60_000,
    // The limits below are the limits.
    protocolTimeout: 0,
  });
  const close = () =>
    withLimit(browser.close(), 30, `Closing ${name}`).catch(() => browser.process()?.kill());
  try {
    const page = await browser.newPage();
    await page.goto(url, { timeout: 30_000 });
    const run = (seconds, what, f, ...args) =>
      withLimit(page.evaluate(f, ...args), seconds, `${what} in ${name}`);
    if (!(await run(30, 'A look', () => globalThis.crossOriginIsolated))) {
      throw new Error(`The page is not isolated in ${name}, so it has no threads.`);
    }
    return {
      version: (await browser.version()).replace('/', ' '),
      run,
      setFile: async (path) => {
        const input = await page.$('input');
        await withLimit(input.uploadFile(path), 60, `Choosing a file in ${name}`);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function withLimit(promise, seconds, what) {
  let timer;
  const limit = new Promise((_, reject) => {
    const error = new Error(`${what} took more than ${seconds} s.`);
    timer = setTimeout(() => reject(error), seconds * 1000);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
