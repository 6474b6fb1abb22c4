// llama.cpp through node-llama-cpp's native addon: the oracle of the golden files and of kl.mjs.
// The addon's own classes are used, not the package's public API, because that samples, keeps a
// context window and truncates distributions; here every logit comes back as llama.cpp computed it.
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { getLlama } from 'node-llama-cpp';

const kF32 = 0;

// Opens the prebuilt CPU addon; nothing is built or downloaded.
export function openLlama() {
  return getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: 'error',
  });
}

// llama.cpp without AMX, the matrix unit of some servers, which has no counterpart in WebAssembly: what is left shows what
// a kernel makes of vector instructions. A process has one backend for good, so it must be another process than openLlama()'s.
export async function openLlamaWithoutAmx() {
  const bins = fileURLToPath(
    new URL('node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/', import.meta.url),
  );
  const folder = mkdtempSync(join(tmpdir(), 'pipit-llama-'));
  try {
    // It takes the best of the backends in a folder; only those from Sapphire Rapids on have AMX.
    for (const file of readdirSync(bins)) {
      if (!file.includes('sapphirerapids')) symlinkSync(join(bins, file), join(folder, file));
    }
    const addon = createRequire(import.meta.url)(join(bins, 'llama-addon.node'));
    addon.setLoggerLogLevel(0);
    addon.loadBackends(folder);
    await addon.init();
    const metadata = JSON.parse(readFileSync(join(bins, '_nlcBuildMetadata.json'), 'utf8'));
    return {
      _bindings: addon,
      systemInfo: addon.systemInfo(),
      llamaCppRelease: metadata.buildOptions.llamaCpp,
      dispose: () => addon.dispose(),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// What the golden files say about their origin.
export function describeLlama(llama) {
  const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
  const version = manifest.dependencies['node-llama-cpp'];
  const { repo, release } = llama.llamaCppRelease;
  return { llama_cpp: `${repo} ${release}`, package: `node-llama-cpp ${version}` };
}

// The wide instructions that llama.cpp has found on this machine, which say much about its speed.
export function wideInstructions(llama) {
  return llama.systemInfo
    .split('|')
    .map((entry) => entry.replace(/^.*:/, '').split('=')[0].trim())
    .filter((name) => /^(AVX|AMX|NEON|SVE|MATMUL)/.test(name))
    .join(' ');
}

// One loaded GGUF file. `vocabOnly` is enough for tokenize().
export async function openModel(llama, path, { vocabOnly = false } = {}) {
  const model = new llama._bindings.AddonModel(path, {
    addonExports: llama._bindings,
    gpuLayers: 0,
    vocabOnly,
    useMmap: true,
  });
  if (!(await model.init())) throw new Error(`llama.cpp cannot load ${path}.`);
  return new Model(llama, model);
}

class Model {
  constructor(llama, model) {
    this.llama = llama;
    this.model = model;
  }

  // common_tokenize(vocab, text, add_special = false, parse_special): no BOS is ever added.
  tokenize(text, parseSpecial) {
    return [...this.model.tokenize(text, parseSpecial)];
  }

  detokenize(ids) {
    return this.model.detokenize(Uint32Array.from(ids), true);
  }

  // What llama.cpp's servers put in front of a text's ids: BOS where the file asks for it, often nothing.
  prefix() {
    return this.model.shouldPrependBosToken() ? [this.model.tokenBos()] : [];
  }

  isEog(id) {
    return this.model.isEogToken(id);
  }

  // A context with an F32 KV cache and without flash attention, which is the most exact that
  // llama.cpp's CPU backend offers. nCtx and batch are in tokens.
  async context({ nCtx, batch = 256, threads = 2, flashAttention = false, kvType = kF32 }) {
    const { AddonContext, AddonSampler } = this.llama._bindings;
    const context = new AddonContext(this.model, {
      contextSize: nCtx,
      batchSize: batch,
      sequences: 1,
      flashAttention,
      threads,
      kvCacheKeyType: kvType,
      kvCacheValueType: kvType,
    });
    if (!(await context.init())) throw new Error('llama.cpp cannot create a context.');
    const sampler = new AddonSampler(this.model);
    sampler.applyConfig({ temperature: 0 });
    return new Context(context, sampler, batch);
  }

  // Whether it makes vectors of texts, and no text.
  isEncoder() {
    return this.model.getModelDescription().includes('bert');
  }

  // The model's embedding of a text's ids (Float64Array [n_embd]), pooled as the file says, of length 1.
  async embed(ids) {
    const { AddonContext } = this.llama._bindings;
    const nCtx = ids.length + 32;
    const context = new AddonContext(this.model, {
      ...{ contextSize: nCtx, batchSize: nCtx, sequences: 1, threads: 2, embeddings: true },
      ...{ flashAttention: false, kvCacheKeyType: kF32, kvCacheValueType: kF32 },
    });
    if (!(await context.init())) throw new Error('llama.cpp cannot create a context.');
    context.initBatch(ids.length);
    context.addToBatch(0, 0, Uint32Array.from(ids), Uint32Array.of(ids.length - 1));
    await context.decodeBatch();
    const vector = context.getEmbedding(ids.length);
    await context.dispose();
    const length = Math.hypot(...vector);
    return vector.map((x) => x / length);
  }

  async dispose() {
    await this.model.dispose();
  }
}

class Context {
  constructor(context, sampler, batch) {
    this.context = context;
    this.sampler = sampler;
    this.batch = batch;
    this.position = 0;
  }

  // Appends `ids` and calls onLogits(i, Float32Array [n_vocab]) for every i (an index into ids)
  // for which wanted(i) is true.
  async feed(ids, wanted = () => false, onLogits = () => {}) {
    for (let first = 0; first < ids.length; first += this.batch) {
      const chunk = ids.slice(first, first + this.batch);
      const indexes = chunk.map((_, i) => i).filter((i) => wanted(first + i));
      this.context.initBatch(chunk.length);
      const slots = this.context.addToBatch(
        0,
        this.position,
        Uint32Array.from(chunk),
        Uint32Array.from(indexes),
      );
      await this.context.decodeBatch();
      this.position += chunk.length;
      for (let i = 0; i < indexes.length; ++i) {
        await onLogits(first + indexes[i], await this.#logits(slots[i]));
      }
    }
  }

  // Appends `ids` and answers the likeliest next token, without the cost of copying logits out.
  async sample(ids) {
    let slots;
    for (let first = 0; first < ids.length; first += this.batch) {
      const chunk = ids.slice(first, first + this.batch);
      const isLast = first + chunk.length === ids.length;
      this.context.initBatch(chunk.length);
      slots = this.context.addToBatch(
        0,
        this.position,
        Uint32Array.from(chunk),
        isLast ? Uint32Array.of(chunk.length - 1) : new Uint32Array(),
      );
      await this.context.decodeBatch();
      this.position += chunk.length;
    }
    return this.context.sampleToken(slots[0], this.sampler);
  }

  // The sampler is greedy and leaves the logits as they are; asked for all of them, the addon
  // returns [id, logit, id, logit, ...] in falling order.
  async #logits(slot) {
    const result = await this.context.sampleToken(slot, this.sampler, false, false, true);
    const pairs = result[3];
    const logits = new Float32Array(pairs.length / 2);
    for (let i = 0; i < pairs.length; i += 2) logits[pairs[i]] = pairs[i + 1];
    return logits;
  }

  async dispose() {
    this.sampler.dispose();
    await this.context.dispose();
  }
}

// Natural-log probabilities (Float64Array [n_vocab]) of a row of logits.
export function logSoftmax(logits) {
  let max = -Infinity;
  for (const x of logits) if (x > max) max = x;
  let sum = 0;
  for (const x of logits) sum += Math.exp(x - max);
  const shift = max + Math.log(sum);
  return Float64Array.from(logits, (x) => x - shift);
}
