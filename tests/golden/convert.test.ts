// pipit convert: tiny Hugging Face folders of every family become the GGUF files that they were made from, which
// architectures.test.ts and tiny.test.ts compare with llama.cpp.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { pipit, succeed } from '../web/support/cli.ts';
import { assertLlamaLoads, loadModel, makeTinyModels, runPython } from './support.ts';

type Json = Record<string, unknown>;

const folder = makeTinyModels({ generator: 'make-tiny-folders.py' });
const inFolder = (...names: string[]): string => join(folder, ...names);
const models = readdirSync(folder).filter((name) => !name.endsWith('.gguf'));

interface Comparison {
  changed: Json;
  tensors: Record<string, { type: string; error: number }>;
}

function compare(name: string, out: string): Comparison {
  const json = runPython('tests/golden/quantised.py', inFolder(`${name}.gguf`), out);
  return JSON.parse(json) as Comparison;
}

/** Keys that the folder's file has and the original leaves out, since they say what is so by default. */
const BY_DEFAULT =
  /^general\.(name|file_type|quantization_version)$|\.(vocab_size|key_length|value_length|freq_base|use_parallel_residual)$|^tokenizer\.(chat_template|ggml\.(add_(bos|eos)_token|normalizer\.\w+))$|^llama\.rope\.scaling\.original_context_length$/;

test('there are folders of all families', () => assert.equal(models.length, 23));

for (const name of models) {
  test(`${name}: the same tensors and hyper-parameters, and pipit runs it`, async () => {
    const out = inFolder(`${name}.out.gguf`);
    await succeed(['convert', inFolder(name), out]);
    assertLlamaLoads(`convert ${name}`, out);
    const { changed, tensors } = compare(name, out);
    assert.deepEqual(
      Object.keys(changed).filter((key) => !BY_DEFAULT.test(key)),
      [],
    );
    const differing = Object.entries(tensors).filter(([, { error }]) => error !== 0);
    assert.deepEqual(differing, []);

    const computed = async (path: string): Promise<Float32Array> => {
      await using model = await loadModel(path, { kernels: 'reference', kvType: 'f32' });
      if (model.info.pooling !== null) return (await model.embed(['the dog sat']))[0]!.vector;
      assert.equal(changed['tokenizer.chat_template'], '{{ messages[0].content }}');
      const { value } = await model.logits([261, 7, 100])[Symbol.asyncIterator]().next();
      return (value as { logits: Float32Array }).logits;
    };
    assert.deepEqual(await computed(out), await computed(inFolder(`${name}.gguf`)));
  });
}

test("BERT's special tokens, where tokenizer_config.json does not name them", async () => {
  const copy = inFolder('bert-plain');
  cpSync(inFolder('bert-mean'), copy, { recursive: true });
  writeFileSync(join(copy, 'tokenizer_config.json'), '{"do_lower_case": true}');
  const out = inFolder('plain.gguf');
  await succeed(['convert', copy, out]);
  await using model = await loadModel(out);
  await using original = await loadModel(inFolder('bert-mean.gguf'));
  assert.deepEqual(await model.tokenize('the xyzzy'), await original.tokenize('the xyzzy'));
  assert.deepEqual((await model.tokenize('\u4e00')).length, 3);
});

test('the token behind a text is the one of tokenizer.json, as Qwen 3 Embedding has it', async () => {
  const copy = inFolder('qwen3-end');
  cpSync(inFolder('qwen3-last'), copy, { recursive: true });
  edit(join(copy, 'tokenizer.json'), (json) => {
    const single = [{ Sequence: { id: 'A' } }, { SpecialToken: { id: '<|endoftext|>' } }];
    const processors = [{ type: 'ByteLevel' }, { type: 'TemplateProcessing', single }];
    json.post_processor = { type: 'Sequence', processors };
  });
  const { eos_token: ofChat } = JSON.parse(
    readFileSync(join(copy, 'tokenizer_config.json'), 'utf8'),
  ) as Json;
  assert.deepEqual(ofChat, { content: '<|im_end|>' });
  const out = inFolder('qwen3-end.gguf');
  await succeed(['convert', copy, out]);
  await using model = await loadModel(out);
  assert.deepEqual((await model.tokenize('the')).slice(-1), [264]);
});

test('a type of its own, from shards, is what quantising the converted file gives', async () => {
  const [whole, direct, twice] = ['whole', 'direct', 'twice'].map((name) =>
    inFolder(`${name}.gguf`),
  );
  await succeed(['convert', inFolder('qwen2'), whole!]);
  await succeed(['convert', inFolder('qwen2'), direct!, '--type', 'BF16']);
  await succeed(['quantize', whole!, twice!, '--type', 'BF16']);
  assert.ok(readFileSync(direct!).equals(readFileSync(twice!)));
});

/** A tokenizer.json of sentencepiece's kind, as where there is no tokenizer.model. */
const LLAMA_JSON = (pieces: string[], merges: string[]): Json => ({
  added_tokens: [
    { id: 1, content: '<s>', special: true },
    { id: 2, content: '</s>', special: true },
    { id: 266, content: '<|user|>', special: false },
    { id: 265, content: '\u2581new', special: false },
  ],
  normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '\u2581' }] },
  model: {
    type: 'BPE',
    byte_fallback: true,
    unk_token: '<unk>',
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    merges,
  },
  post_processor: { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<s>' } }, {}] },
});
const BYTES = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const PIECES = ['<unk>', '<s>', '</s>', ...BYTES, '\u2581', 't', '\u2581t'];

test('tokenizer.json in place of tokenizer.model', async () => {
  const copy = inFolder('llama-json');
  cpSync(inFolder('llama-spm'), copy, { recursive: true });
  rmSync(join(copy, 'tokenizer.model'));
  writeFileSync(join(copy, 'tokenizer.json'), JSON.stringify(LLAMA_JSON(PIECES, ['\u2581 t'])));
  const out = inFolder('llama-json.gguf');
  await succeed(['convert', copy, out]);
  await using model = await loadModel(out);
  assert.deepEqual(await model.tokenize('t new'), [1, 261, 265]);
  const inspected = JSON.parse(await succeed(['inspect', out, '--json'])) as {
    metadata: { key: string; value: unknown }[];
  };
  const get = (key: string): unknown =>
    inspected.metadata.find((pair) => pair.key === `tokenizer.ggml.${key}`)?.value;
  assert.deepEqual(['model', 'add_bos_token', 'add_space_prefix', 'unknown_token_id'].map(get), [
    'llama',
    true,
    true,
    undefined,
  ]);
  assert.deepEqual(get('token_type'), [2, 3, 3, 6, 6, 6, 6, 6]);
});

const SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const byteLevel = (use_regex: boolean): Json => ({ type: 'ByteLevel', use_regex });
const split = (Regex: string): Json => ({
  type: 'Split',
  pattern: { Regex },
  behavior: 'Isolated',
});
const sequence = (...pretokenizers: Json[]): Json => ({ type: 'Sequence', pretokenizers });
const digits = (individual_digits: boolean): Json => ({ type: 'Digits', individual_digits });
const preTokenizers = [
  { steps: byteLevel(true), pre: 'gpt-2' },
  { steps: sequence(digits(true), byteLevel(true)), pre: 'smollm' },
  { steps: sequence(split(SPLIT), byteLevel(false)), ignore_merges: true, pre: 'llama-bpe' },
  { steps: sequence(split(SPLIT), byteLevel(false)), pre: 'dbrx' },
  { steps: sequence(split(SPLIT.replace('{1,3}', '')), byteLevel(false)), pre: 'qwen2' },
  { steps: sequence(digits(false), byteLevel(true)), pre: null, message: /Digits in groups/ },
  { steps: split('\\d'), pre: null, message: /splits texts by Split \\d, which/ },
  { steps: null, pre: null, message: /splits texts by nothing/ },
];
for (const { steps, ignore_merges = false, pre, message } of preTokenizers) {
  test(`the pre-tokenizer ${pre ?? `that is refused as ${String(message)}`}`, async () => {
    const copy = inFolder(`pre-${pre ?? 'none'}`);
    cpSync(inFolder('olmo2'), copy, { recursive: true });
    edit(join(copy, 'tokenizer.json'), (json) => {
      json.pre_tokenizer = steps;
      (json.model as Json).ignore_merges = ignore_merges;
    });
    const out = inFolder('pre.gguf');
    const { code, stderr } = await pipit(['convert', copy, out, '--force']);
    rmSync(copy, { recursive: true });
    if (message) assert.match(stderr, message);
    assert.equal(code, message ? 1 : 0, stderr);
    if (pre)
      assert.match(
        await succeed(['inspect', out]),
        new RegExp(`tokenizer\\.ggml\\.pre +string +${pre}\\n`),
      );
  });
}

function edit(path: string, change: (json: Json) => void): void {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Json;
  change(json);
  writeFileSync(path, JSON.stringify(json));
}

/** `change` gets a copy of a folder. */
const config = (fields: Json) => (copy: string) =>
  edit(join(copy, 'config.json'), (json) => Object.assign(json, fields));
const remove = (file: string) => (copy: string) => rmSync(join(copy, file));
const refusals: {
  name: string;
  model?: string;
  change: (copy: string) => void;
  message: RegExp;
}[] = [
  { name: 'no config.json', change: remove('config.json'), message: /has no config\.json/ },
  {
    name: 'a config.json that is no JSON',
    change: (copy) => writeFileSync(join(copy, 'config.json'), '{'),
    message: /config\.json is no JSON/,
  },
  {
    name: 'another architecture',
    change: config({ architectures: ['MixtralForCausalLM'] }),
    message: /'MixtralForCausalLM', which pipit does not convert. It converts: LlamaForCausalLM, /,
  },
  {
    name: 'a field that is missing',
    change: config({ hidden_size: null }),
    message: /'hidden_size' is missing; a number was expected/,
  },
  {
    name: 'what the family has not here',
    change: config({ use_sliding_window: true }),
    message: /'use_sliding_window' is true\. .* only where it is false/,
  },
  {
    name: 'another stretched rope',
    change: config({ rope_scaling: { type: 'dynamic' } }),
    message: /the rope by 'dynamic', which pipit does not know. It knows: default, linear/,
  },
  {
    name: 'a quantised model',
    change: config({ quantization_config: { quant_method: 'gptq' } }),
    message: /'quantization_config'/,
  },
  { name: 'no tensors', change: remove('model.safetensors'), message: /no model\.safetensors/ },
  {
    name: 'a shard that is missing',
    model: 'qwen2',
    change: remove('model-00002-of-00003.safetensors'),
    message: /no file .*model-00002-of-00003\.safetensors/,
  },
  {
    name: 'a file of tensors that is cut',
    change: (copy) => {
      const path = join(copy, 'model.safetensors');
      writeFileSync(path, readFileSync(path).subarray(0, -4));
    },
    message: /its tensor '.*' ends at byte/,
  },
  {
    name: 'a file that is no safetensors',
    change: (copy) => writeFileSync(join(copy, 'model.safetensors'), 'version https'),
    message: /it is no safetensors file/,
  },
  {
    name: 'too many layers',
    change: config({ num_hidden_layers: 1 }),
    message: /a tensor of layer 1, but .* there are 1 layers/,
  },
  ...[1e9, 2 ** 40, -1, 0, 1.5].flatMap((value) =>
    ['max_position_embeddings', 'num_hidden_layers', 'num_attention_heads'].flatMap((field) =>
      value === 1e9 && field !== 'num_hidden_layers'
        ? []
        : [
            {
              name: `'${field}' of ${value}`,
              change: config({ [field]: value }),
              message:
                value === 1e9
                  ? /no tensor for blk\.2\./
                  : /config\.json: '\w+' is [-.\d]+; a whole number of at least 1 was expected/,
            },
          ],
    ),
  ),
  {
    name: 'heads that do not divide the width',
    model: 'bert-mean',
    change: config({ num_attention_heads: 7 }),
    message: /'head_dim' is 9\.\d+; a whole number/,
  },
  ...[null, 7, {}, { id: 3 }, { id: 3, content: 7 }].map((token) => ({
    name: `the added token ${JSON.stringify(token)}`,
    change: (copy: string) =>
      edit(join(copy, 'tokenizer.json'), (json) => (json.added_tokens = [token])),
    message: /Among the tokenizer's added tokens is .*, which is no token with its 'content'/,
  })),
  {
    name: 'added tokens that are no list',
    model: 'bert-mean',
    change: (copy) => edit(join(copy, 'tokenizer.json'), (json) => (json.added_tokens = {})),
    message: /Among the tokenizer's added tokens is \{\}/,
  },
  {
    name: 'a layer that is missing',
    change: config({ num_hidden_layers: 3 }),
    message: /no tensor for blk\.2\./,
  },
  {
    name: 'a tensor of another family',
    change: config({ architectures: ['StableLmForCausalLM'] }),
    model: 'phi-short',
    message: /'model\.layers\.0\.self_attn\.qkv_proj\.weight' is not of the architecture stablelm/,
  },
  {
    name: 'another way of pooling',
    model: 'bert-mean',
    change: (copy) =>
      edit(join(copy, '1_Pooling/config.json'), (json) => {
        json.pooling_mode_mean_tokens = false;
        json.pooling_mode_max_tokens = true;
      }),
    message: /chooses pooling_mode_max_tokens; pipit knows pooling_mode_mean_tokens, /,
  },
  {
    name: 'two ways of pooling',
    model: 'bert-mean',
    change: (copy) =>
      edit(join(copy, '1_Pooling/config.json'), (json) => (json.pooling_mode_cls_token = true)),
    message: /chooses pooling_mode_mean_tokens and pooling_mode_cls_token; /,
  },
  {
    name: 'positions of another kind',
    model: 'bert-mean',
    change: config({ position_embedding_type: 'relative_key' }),
    message: /'position_embedding_type' is "relative_key"\. .* only where it is "absolute"/,
  },
  {
    name: 'an encoder without positions',
    model: 'nomic',
    change: config({
      ...{ architectures: ['BertModel'], hidden_size: 64, num_hidden_layers: 2 },
      ...{ num_attention_heads: 4, intermediate_size: 96, max_position_embeddings: 256 },
    }),
    message: /'emb_ln\.(weight|bias)' is not of the architecture bert/,
  },
  {
    name: 'texts normalised in another way',
    model: 'bert-mean',
    change: (copy) =>
      edit(join(copy, 'tokenizer.json'), (json) => (json.normalizer = { type: 'NFKC' })),
    message: /normalises texts in another way than BERT's tokenizers do/,
  },
  { name: 'no tokenizer', change: remove('tokenizer.json'), message: /neither a tokenizer\.json/ },
  {
    name: 'another tokenizer than BPE',
    change: (copy) =>
      edit(join(copy, 'tokenizer.json'), (json) => (json.model = { type: 'Unigram' })),
    message: /'Unigram'\. pipit converts BPE and WordPiece/,
  },
  {
    name: 'WordPiece without a vocabulary',
    model: 'bert-mean',
    change: (copy) =>
      edit(join(copy, 'tokenizer.json'), (json) => (json.model = { type: 'WordPiece' })),
    message: /'WordPiece'\. pipit converts BPE and WordPiece, with their vocabulary/,
  },
  {
    name: 'a matrix behind the pooling',
    model: 'bert-mean',
    change: (copy) => {
      mkdirSync(join(copy, '2_Dense'));
      writeFileSync(join(copy, '2_Dense/config.json'), '{"in_features": 64}');
    },
    message: /multiplies its pooled vectors by a matrix \(2_Dense\)/,
  },
  ...[-1, 0.5, 2 ** 22, 2 ** 31, 2 ** 32, '7', null].flatMap((id) =>
    ['qwen2-f16', 'bert-mean'].flatMap((model) => [
      {
        name: `the id ${id} in the vocabulary of ${model}`,
        model,
        change: (copy: string) =>
          edit(join(copy, 'tokenizer.json'), (json) => {
            ((json.model as Json).vocab as Json).odd = id;
          }),
        message:
          /token "odd" has the id (-1|0\.5|\d+|"7"|null); ids are whole numbers from 0 to 4194303/,
      },
      {
        name: `the id ${id} of an added token of ${model}`,
        model,
        change: (copy: string) =>
          edit(join(copy, 'tokenizer.json'), (json) => {
            (json.added_tokens as Json[]).push({ id, content: 'odd' });
          }),
        message:
          /token "odd" has the id (-1|0\.5|\d+|"7"|null); ids are whole numbers from 0 to 4194303/,
      },
    ]),
  ),
  {
    name: 'a tokenizer.model that is none',
    model: 'llama-spm',
    change: (copy) => writeFileSync(join(copy, 'tokenizer.model'), 'no protobuf'),
    message: /no file of sentencepiece/,
  },
];
for (const { name, model = 'qwen2-f16', change, message } of refusals) {
  test(`refused in one line, and nothing is written: ${name}`, async () => {
    const copy = inFolder('copy');
    cpSync(inFolder(model), copy, { recursive: true });
    change(copy);
    const files = readdirSync(folder);
    const { code, stderr } = await pipit(['convert', copy, inFolder('refused.gguf')]);
    assert.deepEqual(readdirSync(folder), files);
    rmSync(copy, { recursive: true });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^pipit: [^\n]+\n$/);
    assert.match(stderr, message);
  });
}
