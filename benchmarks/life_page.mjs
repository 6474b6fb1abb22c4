// What npm run bench:life does in a browser's page, and tests/browser/cancel.test.mjs in short: cancels at every point of a
// model's life, and many sessions one after another. `globalThis.life` has what is called from outside.
import { loadModel } from '/dist/browser/index.js';
import { randomTokens } from '/dist/measure.js';

let settings;
let file;
let model;

/**
 * `url`: the model; `slowUrl`: the same from a server that takes long; `promptTokens`: so many that their prefill takes
 * several steps. Answers how long a token takes, in milliseconds.
 */
async function open({ url, slowUrl, promptTokens }) {
  settings = { slowUrl, promptTokens };
  file = await (await fetch(url)).blob();
  model = await loadModel(file);
  await using session = await model.createSession();
  const { tokens, decodeMs } = await generate(session, 1, 32).result;
  return { tokenMs: decodeMs / (tokens.length - 1) };
}

function generate(session, promptTokens, maxTokens, options = {}) {
  const prompt = randomTokens(promptTokens, model.info.nVocab);
  return session.generate(prompt, { maxTokens, ignoreEos: true, ...options });
}

/** Of one piece of work so far, and a moment that it is still at: it stands anywhere in a step. */
const somewhere = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 20));

const loadOnce =
  (source) =>
  ({ start, signal }) =>
    loadModel(source(), {
      signal,
      store: 'none',
      onProgress: ({ loaded, downloaded }) => loaded + downloaded > 0 && start(),
    });

/** What is cancelled: each begins with it, calls `start` once it is under way, and answers its promise. */
const works = {
  'a download': loadOnce(() => settings.slowUrl),
  'a load': loadOnce(() => file),
  'a prefill': ({ session, start, signal }) =>
    generate(session, settings.promptTokens, 1, { signal, onPrefill: start }).result,
  'a generation': async ({ session, start, signal }) => {
    for await (const _ of generate(session, 1, 10_000, { signal })) start();
  },
};

/** How: what each does settles when the caller is told. */
const ways = {
  'its signal': ({ stop }) => stop.abort(),
  'session.dispose()': ({ session }) => session.dispose(),
  'model.dispose()': ({ owner }) => owner.dispose(),
};

/** Every work and way; those that end a model have one of their own. */
const cases = [
  ...Object.keys(works).map((work) => ({ work, way: 'its signal' })),
  ...['a prefill', 'a generation'].flatMap((work) =>
    ['session.dispose()', 'model.dispose()'].map((way) => ({ work, way })),
  ),
];

/** From the cancel until the caller has its error and, where the model is still there, its worker answers again. */
async function cancel({ work, way }) {
  const owner = way === 'model.dispose()' ? await loadModel(file) : model;
  const session = await owner.createSession({ nCtx: 2 * settings.promptTokens, whenFull: 'slide' });
  const stop = new AbortController();
  const started = Promise.withResolvers();
  const outcome = works[work]({ session, start: started.resolve, signal: stop.signal }).then(
    () => 'no error',
    ({ code, message }) => code ?? message,
  );
  await Promise.race([started.promise, outcome]);
  await somewhere();
  const start = performance.now();
  const [code] = await Promise.all([outcome, ways[way]({ stop, session, owner })]);
  if (owner === model && way !== 'model.dispose()') await owner.tokenize('a');
  const ms = performance.now() - start;
  await session.dispose();
  if (code !== 'cancelled') throw new Error(`${work}, cancelled by ${way}: ${code}`);
  return ms;
}

/** Leaving the loop: the caller goes on at once, the worker after its step. */
async function leave() {
  await using session = await model.createSession();
  let start;
  for await (const _ of generate(session, 1, 10_000)) {
    start = performance.now();
    break;
  }
  await model.tokenize('a');
  return performance.now() - start;
}

/** Milliseconds of one cancel of every kind. */
async function cancelAll() {
  const result = {};
  for (const each of cases) result[`${each.work}, by ${each.way}`] = await cancel(each);
  result['a generation, by break'] = await leave();
  return result;
}

const sessions = [];

/**
 * One of many short generations: opens a session, closes the oldest but two, and cancels every fourth generation. Answers
 * what stats() says of memory.
 */
async function useSession(index) {
  const whenFull = index % 2 === 0 ? 'slide' : 'stop';
  const session = await model.createSession({ nCtx: 64 + 64 * (index % 4), whenFull });
  sessions.push(session);
  const stop = new AbortController();
  const streams = sessions.map((each, i) =>
    generate(each, 1 + ((index * 7 + i * 13) % 40), 16, {
      signal: i === 0 ? stop.signal : undefined,
      logprobs: i,
    }),
  );
  const results = Promise.allSettled(streams.map(({ result }) => result));
  if (index % 4 === 0) {
    await streams[0].next();
    stop.abort();
  }
  for (const { reason } of await results) {
    if (reason && reason.code !== 'cancelled') throw reason;
  }
  if (sessions.length > 2) await sessions.shift().dispose();
  return model.stats();
}

/** Closes all sessions; answers what stats() says then. */
async function closeSessions() {
  while (sessions.length > 0) await sessions.shift().dispose();
  return model.stats();
}

async function close() {
  await model.dispose();
}

globalThis.life = { open, cancelAll, useSession, closeSessions, close };
