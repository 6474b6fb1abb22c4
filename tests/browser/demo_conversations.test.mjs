// The page's conversations in real browsers: stored before a page can go, the same in all tabs, whole whoever writes.
import assert from 'node:assert/strict';

import { browserTest, serveHere } from './support/browsers.mjs';
import { demoModule } from './support/demo_module.mjs';

const server = await serveHere({
  '/conversations.js': await demoModule('state/conversations.ts'),
});
const page = { url: server.url };

const conversation = (id, text) => ({
  id,
  title: text,
  at: 1,
  messages: [{ id: 'm', parent: null, role: 'user', text, at: 1, state: 'complete' }],
  head: 'm',
});

const start = (tab) =>
  tab.run(30, 'Opening the store', async () => {
    globalThis.state = await import('/conversations.js');
    globalThis.gone = [];
    await globalThis.state.startConversations((id) => globalThis.gone.push(id));
  });
const put = (tab, ...all) =>
  tab.run(30, 'Storing', (all) => globalThis.state.putConversations(all), all);
const titles = (tab) =>
  tab.run(30, 'Looking', () =>
    globalThis.state.conversations.value.map(({ title }) => title).sort(),
  );

/** Waits until the tab shows `expected`. */
async function shows(tab, ...expected) {
  await tab.page.waitForFunction(
    (expected) =>
      globalThis.state.conversations.value
        .map(({ title }) => title)
        .sort()
        .join() === expected,
    { timeout: 20_000, polling: 100 },
    expected.join(),
  );
}

browserTest('what is written is there after a reload, at once', page, async ({ tab, open }) => {
  await start(tab);
  // Nothing waits for the store: the page goes as soon as it has been told.
  await tab.run(
    30,
    'Storing and leaving',
    (it) => {
      globalThis.state.putConversation(it);
      location.reload();
    },
    conversation('a', 'A'),
  );
  const other = await open(server.url);
  await start(other);
  await shows(other, 'A');
});

browserTest('after a reload without a word, what is said is shown', page, async ({ tab }) => {
  await start(tab);
  await tab.page.reload();
  await start(tab);
  const isShown = await tab.run(
    10,
    'Saying something',
    (it) => {
      const { id } = globalThis.state.current.value;
      globalThis.state.putConversation({ ...it, id });
      return globalThis.state.current.value.title === it.title;
    },
    conversation('', 'A'),
  );
  assert.equal(isShown, true);
});

browserTest('a tab follows what another does', page, async ({ tab, open }) => {
  const other = await open(server.url);
  await start(tab);
  await start(other);
  await put(tab, conversation('a', 'A'), conversation('b', 'B'));
  await shows(other, 'A', 'B');
  await put(other, conversation('a', 'A2'));
  await shows(tab, 'A2', 'B');
  await tab.run(10, 'Deleting', () =>
    globalThis.state.deleteConversation(globalThis.state.conversationOf('a')),
  );
  await shows(other, 'B');
  assert.deepEqual(await other.run(10, 'Looking', () => globalThis.gone), ['a']);
});

browserTest('of many writes from two tabs one is believed, whole', page, async ({ tab, open }) => {
  const other = await open(server.url);
  await start(tab);
  await start(other);
  const write = (tab, name) =>
    tab.run(
      60,
      'Writing often',
      async (name) => {
        for (let i = 0; i < 50; ++i) {
          const text = `${name}${i}`;
          const message = { parent: null, role: 'user', text, at: i, state: 'complete' };
          globalThis.state.putConversation({
            ...{ id: 'a', title: text, at: i, head: text },
            messages: Array.from({ length: 20 }, () => ({ ...message, id: text })),
          });
          // A timer of a tab in the background may take a second.
          await new Promise((resolve) => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = resolve;
            port2.postMessage(null);
          });
        }
      },
      name,
    );
  await Promise.all([write(tab, 'x'), write(other, 'y')]);
  const third = await open(server.url);
  await start(third);
  const [title] = await titles(third);
  assert.match(title, /^[xy]49$/);
  const { messages, head } = await third.run(10, 'Looking', () =>
    globalThis.state.conversationOf('a'),
  );
  assert.deepEqual([...new Set([head, ...messages.map(({ text }) => text)])], [title]);
  await shows(tab, title);
  await shows(other, title);
});

browserTest(
  'a conversation begun before the store is open is kept',
  page,
  async ({ tab, open }) => {
    await tab.run(
      30,
      'Being quick',
      async (it) => {
        globalThis.state = await import('/conversations.js');
        const started = globalThis.state.startConversations(() => {});
        globalThis.state.putConversation(it);
        await started;
      },
      conversation('a', 'A'),
    );
    const other = await open(server.url);
    await start(other);
    await shows(other, 'A');
  },
);

browserTest('without IndexedDB they last as long as the page', page, async ({ tab }) => {
  await tab.run(10, 'Blocking', () => {
    indexedDB.constructor.prototype.open = () => {
      throw new DOMException('blocked', 'SecurityError');
    };
  });
  await start(tab);
  await put(tab, conversation('a', 'A'));
  assert.deepEqual(await titles(tab), ['A']);
  assert.equal(await tab.run(10, 'Looking', () => globalThis.state.isLasting.value), false);
});
