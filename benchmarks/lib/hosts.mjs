// Where pipit is measured: Node, Chromium and Firefox, all with the same few calls.
//
// A host: { name, version, load(modelPath, loadOptions), close() }. A model that it has loaded: { loadMs, info, stats(),
// speed(prompt, genTokens), tokenize(text), dispose() }; loadMs is from the call to loadModel(), with a local file, to its answer, and a
// prompt is token ids or how many random ones. What cannot be loaded rejects with the message of pipit's error.
import { loadModel } from '../../dist/node/index.js';
import { measureSpeed, measureTokenize, randomTokens } from '../../dist/measure.js';
import { BROWSERS, openPage } from '../../tools/lib/browser.mjs';
import { serve } from '../../tools/lib/server.mjs';

export const HOSTS = ['node', ...BROWSERS];

const limitSeconds = 600;

/** `executables`: the browsers' paths by name. */
export async function openHost(name, executables) {
  return name === 'node' ? nodeHost() : browserHost(name, executables[name]);
}

function nodeHost() {
  return {
    name: 'node',
    version: `Node ${process.version.slice(1)}`,
    async load(modelPath, options) {
      const start = performance.now();
      const model = await loadModel(modelPath, options);
      const loadMs = performance.now() - start;
      return {
        loadMs,
        info: model.info,
        stats: () => model.stats(),
        speed: (prompt, genTokens) =>
          measureSpeed(
            model,
            typeof prompt === 'number' ? randomTokens(prompt, model.info.nVocab) : prompt,
            genTokens,
          ),
        tokenize: (text) => measureTokenize(model, text),
        dispose: () => model.dispose(),
      };
    },
    async close() {},
  };
}

async function browserHost(name, executablePath) {
  const server = await serve();
  const page = await openPage({ name, executablePath, url: server.url }).catch((error) => {
    server.close();
    throw error;
  });
  const call = (what, f, ...args) => page.run(limitSeconds, what, f, ...args);
  await call('Loading the package', async () => {
    globalThis.pipit = {
      ...(await import('/dist/browser/index.js')),
      ...(await import('/dist/measure.js')),
      models: [],
    };
  });
  return {
    name,
    version: page.version,
    async load(modelPath, options) {
      await page.setFile(modelPath);
      const { id, loadMs, info, error } = await call(
        'Loading a model',
        async (options) => {
          const { document, pipit } = globalThis;
          const [file] = document.querySelector('input').files;
          const start = performance.now();
          try {
            const model = await pipit.loadModel(file, options);
            const loadMs = performance.now() - start;
            return { id: pipit.models.push(model) - 1, loadMs, info: model.info };
          } catch (error) {
            return { error: error.message };
          }
        },
        options,
      );
      if (error !== undefined) throw new Error(error);
      return {
        loadMs,
        info,
        stats: () => call('stats()', (id) => globalThis.pipit.models[id].stats(), id),
        speed: (prompt, genTokens) =>
          call(
            'A generation',
            (id, prompt, genTokens) => {
              const { models, measureSpeed, randomTokens } = globalThis.pipit;
              const model = models[id];
              const tokens =
                typeof prompt === 'number' ? randomTokens(prompt, model.info.nVocab) : prompt;
              return measureSpeed(model, tokens, genTokens);
            },
            id,
            prompt,
            genTokens,
          ),
        tokenize: (text) =>
          call(
            'tokenize()',
            (id, text) => {
              const { models, measureTokenize } = globalThis.pipit;
              return measureTokenize(models[id], text);
            },
            id,
            text,
          ),
        dispose: () => call('dispose()', (id) => globalThis.pipit.models[id].dispose(), id),
      };
    },
    async close() {
      await page.close();
      server.close();
    },
  };
}
