// A page with a strict Content-Security-Policy and a model from another host: nothing that pipit does violates it.
import assert from 'node:assert/strict';

import { ISOLATION } from '../../tools/lib/server.mjs';
import { makeTinyModels } from '../golden/support.ts';
import { browserTest, serveHere } from './support/browsers.mjs';

const models = await serveHere(
  { '/models/': makeTinyModels() },
  { headers: { 'Access-Control-Allow-Origin': '*' } },
);
/** What the browsers report, also from workers. */
const reports = [];
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  `connect-src 'self' ${new URL(models.url).origin}`,
  "style-src 'self'",
  'report-uri /reports',
].join('; ');
const server = await serveHere(
  {
    '/reports': async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const report = JSON.parse(text)['csp-report'];
      // Firefox itself asks for the icon of a page that has none.
      if (!report['blocked-uri'].endsWith('/favicon.ico')) reports.push(report);
      response.end();
    },
  },
  { headers: { ...ISOLATION, 'Content-Security-Policy': policy } },
);

const isPlanted = (report) => report['blocked-uri'].startsWith('blob');

for (const threads of [1, 2]) {
  browserTest(
    `a strict policy, threads: ${threads}`,
    { url: server.url },
    async ({ tab, errors }) => {
      reports.length = 0;
      const messages = [];
      tab.page.on('console', (message) => messages.push(message.text()));
      const result = await tab.run(
        60,
        'Generating',
        async (url, threads) => {
          const { loadModel } = await import('/dist/browser/index.js');
          const model = await loadModel(url, { threads });
          const options = { maxTokens: 4, ignoreEos: true };
          const { tokens } = await model.generate('the', options).result;
          const { threads: used, warnings } = await model.stats();
          await model.dispose();
          return { n: tokens.length, used, warnings };
        },
        `${models.url}models/tiny-q4_0.gguf`,
        threads,
      );
      assert.deepEqual(result, { n: 4, used: threads, warnings: [] });
      const consoleBefore = [...messages];
      // One violation at the end: what was reported before it has arrived when it has.
      await tab.run(10, 'A violation', () => {
        try {
          new Worker(URL.createObjectURL(new Blob(['']))).onerror = () => {};
        } catch {
          // Some browsers throw.
        }
      });
      const end = Date.now() + 5000;
      while (!reports.some(isPlanted) && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.equal(reports.filter(isPlanted).length, 1);
      assert.deepEqual(
        reports.filter((report) => !isPlanted(report)),
        [],
      );
      assert.deepEqual(consoleBefore, []);
      // Firefox says as an error, too, what it reports.
      const others = errors.splice(0).filter((text) => !/favicon\.ico|blob:/.test(text));
      assert.deepEqual(others, []);
    },
  );
}
