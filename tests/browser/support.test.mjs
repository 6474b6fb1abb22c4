// The tests' own frame: what goes wrong in a page must not go unnoticed.
import assert from 'node:assert/strict';

import { sends } from '../../tools/lib/server.mjs';
import { browserTest, serveHere } from './support/browsers.mjs';

const server = await serveHere({
  '/worker.js': sends(
    `onmessage = ({ data }) => {
          if (data === 'throw') throw new Error('a planted error');
          void Promise.reject(new Error('a planted error'));
        };`,
  ),
});

const faults = {
  'an error': () => {
    setTimeout(() => {
      throw new Error('a planted error');
    });
  },
  'a rejected promise': () => {
    void Promise.reject(new Error('a planted error'));
  },
  'an error in a worker': () => new Worker('/worker.js').postMessage('throw'),
  'a rejected promise in a worker': () => new Worker('/worker.js').postMessage('reject'),
};
for (const [what, fault] of Object.entries(faults)) {
  browserTest(`notices ${what}`, { url: server.url }, async ({ tab, errors }) => {
    await tab.run(10, 'A fault', `(${fault})(); undefined`);
    const end = Date.now() + 5000;
    while (errors.length === 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const found = errors.splice(0);
    assert.ok(
      found.length > 0 && found.every((text) => text.includes('a planted error')),
      String(found),
    );
  });
}
