// The tokenizer of a Hugging Face folder as GGUF's metadata: pieces and merges, special tokens, chat template.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { PipitError } from '../../errors.ts';
import type { Metadata } from './gguf_header.ts';
import { type Json, isObject, readJson } from './json.ts';
import { readSentencePiece } from './sentencepiece.ts';
import { readTokenizerJson } from './tokenizer_json.ts';
import { TOKEN_TYPES, type Vocabulary, addTokens } from './vocabulary.ts';

/**
 * The pairs `tokenizer.…`, for a model of `nVocab` rows of embeddings. Throws not_found where the folder has no
 * tokenizer, unsupported for one that pipit does not run.
 */
export async function readTokenizer(folder: string, nVocab: number): Promise<Metadata> {
  const read = (name: string): Promise<Json> =>
    readJson(join(folder, name)).then((json) => json ?? {});
  const [settings, config, tokenizer] = [
    await read('tokenizer_config.json'),
    await read('config.json'),
    await readJson(join(folder, 'tokenizer.json')),
  ];
  const model = await readFile(join(folder, 'tokenizer.model')).catch(() => undefined);
  if (!model && !tokenizer) {
    throw new PipitError(
      'not_found',
      `${folder} has neither a tokenizer.json nor a tokenizer.model.`,
    );
  }
  const vocabulary = model ? readSentencePiece(model) : readTokenizerJson(tokenizer!);
  const decoder = settings.added_tokens_decoder;
  addTokens(vocabulary, tokenizer?.added_tokens ?? []);
  addTokens(
    vocabulary,
    Object.entries(isObject(decoder) ? decoder : {}).map(([id, token]) => ({
      ...(token as object),
      id: Number(id),
    })),
  );
  fit(vocabulary, nVocab);

  const metadata: Metadata = new Map();
  setVocabulary(metadata, vocabulary);
  setSpecialTokens(metadata, vocabulary, settings, config, tokenizer);
  const template = await chatTemplate(folder, settings);
  if (template !== undefined) {
    metadata.set('tokenizer.chat_template', { type: 'string', value: template });
  }
  return metadata;
}

/** As many tokens as rows: others are never written by the model, and rows without a token need a name. */
function fit({ tokens, types, scores }: Vocabulary, nVocab: number): void {
  const beyond = types.findIndex((type, i) => i >= nVocab && type === TOKEN_TYPES.normal);
  if (beyond >= 0) {
    throw new PipitError(
      'invalid_file',
      `The tokenizer has the token ${beyond}, but the embeddings have only ${nVocab} rows.`,
    );
  }
  for (const list of [tokens, types, scores]) list.length = Math.min(list.length, nVocab);
  for (let i = 0; i < nVocab; i++) {
    if (tokens[i] !== undefined) continue;
    tokens[i] = `[PAD${i}]`;
    types[i] = TOKEN_TYPES.unused;
    scores[i] = -10_000;
  }
}

function setVocabulary(metadata: Metadata, vocabulary: Vocabulary): void {
  const { model, pre, tokens, types, scores, merges, addsSpacePrefix, normalizer } = vocabulary;
  const set = (key: string, value: Parameters<Metadata['set']>[1]): void =>
    void metadata.set(`tokenizer.ggml.${key}`, value);
  set('model', { type: 'string', value: model });
  set('pre', { type: 'string', value: pre });
  set('tokens', { type: 'strings', value: tokens });
  if (model === 'llama') set('scores', { type: 'f32s', value: scores });
  set('token_type', { type: 'i32s', value: types });
  if (merges) set('merges', { type: 'strings', value: merges });
  if (model === 'llama') set('add_space_prefix', { type: 'bool', value: addsSpacePrefix });
  if (normalizer) {
    set('normalizer.lowercase', { type: 'bool', value: normalizer.lowercase });
    set('normalizer.strip_accents', { type: 'bool', value: normalizer.stripsAccents });
  }
}

const SPECIAL = { bos: 'bos', eos: 'eos', unk: 'unknown', pad: 'padding' };
// "seperator" is what the key is called. A text of WordPiece's begins with what BERT calls CLS.
const WORDPIECE = { cls: 'bos', sep: 'seperator', unk: 'unknown', pad: 'padding', mask: 'mask' };

function setSpecialTokens(
  metadata: Metadata,
  { tokens, model }: Vocabulary,
  settings: Json,
  config: Json,
  tokenizer: Json | undefined,
): void {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  for (const [name, key] of Object.entries(model === 'bert' ? WORDPIECE : SPECIAL)) {
    const token = settings[`${name}_token`];
    // Many of BERT's folders leave them out, where they are called as everywhere.
    const byDefault = model === 'bert' ? `[${name.toUpperCase()}]` : undefined;
    const text = isObject(token) ? token.content : (token ?? byDefault);
    const listed = config[`${name}_token_id`];
    const id = ids.get(String(text)) ?? (Array.isArray(listed) ? (listed as unknown[])[0] : listed);
    if (typeof id !== 'number' || id >= tokens.length) continue;
    metadata.set(`tokenizer.ggml.${key}_token_id`, { type: 'u32', value: id });
  }
  if (model === 'bert') return; // they always have both
  for (const name of ['bos', 'eos'] as const) {
    const said = settings[`add_${name}_token`];
    const added = templateToken(tokenizer?.post_processor, name);
    const byDefault =
      tokenizer && 'post_processor' in tokenizer
        ? added !== undefined
        : name === 'bos' && model === 'llama';
    const value = typeof said === 'boolean' ? said : byDefault;
    // Qwen 3 Embedding's texts end with another token than a chat's answers.
    const id = ids.get(String(added));
    if (value && id !== undefined) {
      metadata.set(`tokenizer.ggml.${name}_token_id`, { type: 'u32', value: id });
    }
    if (value && !metadata.has(`tokenizer.ggml.${name}_token_id`)) continue;
    metadata.set(`tokenizer.ggml.add_${name}_token`, { type: 'bool', value });
  }
}

/** The special token that tokenizer.json's post-processor puts in front of a text, or behind it. */
function templateToken(processor: unknown, name: 'bos' | 'eos'): string | undefined {
  if (!isObject(processor)) return undefined;
  if (Array.isArray(processor.processors)) {
    return (processor.processors as unknown[])
      .map((each) => templateToken(each, name))
      .find((token) => token !== undefined);
  }
  if (!Array.isArray(processor.single)) return undefined;
  const place = (processor.single as unknown[]).at(name === 'bos' ? 0 : -1);
  const token = isObject(place) ? place.SpecialToken : undefined;
  return isObject(token) ? String(token.id) : undefined;
}

async function chatTemplate(folder: string, settings: Json): Promise<string | undefined> {
  const file = await readFile(join(folder, 'chat_template.jinja'), 'utf8').catch(() => undefined);
  if (file !== undefined) return file;
  const { chat_template: template } = settings;
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const named = template as { name: string; template: string }[];
  return named.find(({ name }) => name === 'default')?.template;
}
