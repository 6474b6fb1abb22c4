// tokenizer.json: a tokenizer of Hugging Face's library. BPE is recognised by what it does to a text before the merges.
import { PipitError } from '../../errors.ts';
import { type Json, isObject } from './json.ts';
import { TOKEN_TYPES, type Vocabulary, checkId } from './vocabulary.ts';

const LLAMA3_REGEX =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2_REGEX = LLAMA3_REGEX.replace('\\p{N}{1,3}', '\\p{N}');

/** What the pre-tokenizers that pipit knows look like (src/tokenizer/pre_tokenizer.cc has the same names). */
const PRE_TOKENIZERS: { name: string; steps: string[]; ignoresMerges?: boolean }[] = [
  { name: 'gpt-2', steps: ['ByteLevel with regex'] },
  { name: 'smollm', steps: ['Digits', 'ByteLevel with regex'] },
  { name: 'llama-bpe', steps: [`Split ${LLAMA3_REGEX}`, 'ByteLevel'], ignoresMerges: true },
  { name: 'dbrx', steps: [`Split ${LLAMA3_REGEX}`, 'ByteLevel'] },
  { name: 'qwen2', steps: [`Split ${QWEN2_REGEX}`, 'ByteLevel'] },
];

interface BpeModel {
  type: string;
  vocab: Record<string, number>;
  merges: (string | [string, string])[];
  byte_fallback?: boolean;
  ignore_merges?: boolean;
  unk_token?: string | null;
}

interface WordPieceModel {
  vocab: Record<string, number>;
  continuing_subword_prefix?: string;
}

/** Throws unsupported for another model than BPE and WordPiece, and for a pre-tokenizer that pipit does not know. */
export function readTokenizerJson(json: Json): Vocabulary {
  const model = json.model as BpeModel | undefined;
  if (model?.type === 'WordPiece' && isObject(model.vocab)) return readWordPiece(json);
  if (!isObject(model?.vocab) || !Array.isArray(model.merges)) {
    throw new PipitError(
      'unsupported',
      `tokenizer.json has a model of the type '${model?.type ?? 'none'}'. pipit converts BPE and WordPiece, with their vocabulary.`,
    );
  }
  const merges = model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  const vocabulary: Vocabulary = {
    model: 'gpt2',
    pre: 'default',
    tokens: [],
    types: [],
    scores: [],
    addsSpacePrefix: false,
  };
  for (const [token, id] of Object.entries(model.vocab)) {
    checkId(id, token);
    vocabulary.tokens[id] = token;
    vocabulary.types[id] = TOKEN_TYPES.normal;
  }
  if (model.byte_fallback) return asSentencePiece(vocabulary, json, model, merges);
  return { ...vocabulary, pre: preTokenizer(json, model), merges };
}

/** Here pieces that go on with a word are marked, in GGUF those that begin one; special tokens are added as they are. */
function readWordPiece(json: Json): Vocabulary {
  const { vocab, continuing_subword_prefix: mark = '##' } = json.model as WordPieceModel;
  const vocabulary: Vocabulary = {
    ...{ model: 'bert', pre: 'default', tokens: [], types: [], scores: [] },
    addsSpacePrefix: false,
    normalizer: normalizerOf(json.normalizer),
  };
  for (const [token, id] of Object.entries(vocab)) {
    checkId(id, token);
    const goesOn = token.startsWith(mark);
    vocabulary.tokens[id] = goesOn ? token.slice(mark.length) : `\u2581${token}`;
    vocabulary.types[id] = TOKEN_TYPES.normal;
  }
  return vocabulary;
}

/** Throws unsupported for what pipit's tokenizer does not do. */
function normalizerOf(normalizer: unknown): Vocabulary['normalizer'] {
  const known =
    isObject(normalizer) && normalizer.type === 'BertNormalizer' ? normalizer : undefined;
  if (!known || known.clean_text === false || known.handle_chinese_chars === false) {
    throw new PipitError(
      'unsupported',
      "tokenizer.json normalises texts in another way than BERT's tokenizers do.",
    );
  }
  const lowercase = known.lowercase !== false;
  const { strip_accents: strips } = known;
  return { lowercase, stripsAccents: typeof strips === 'boolean' ? strips : lowercase };
}

function preTokenizer(json: Json, { ignore_merges: ignoresMerges = false }: BpeModel): string {
  const steps = stepsOf(json.pre_tokenizer);
  const found = PRE_TOKENIZERS.find(
    (known) =>
      (known.ignoresMerges ?? false) === ignoresMerges &&
      JSON.stringify(known.steps) === JSON.stringify(steps),
  );
  if (found) return found.name;
  throw new PipitError(
    'unsupported',
    `tokenizer.json splits texts by ${steps.join(', then ') || 'nothing'}, which pipit does not know. ` +
      `It knows the pre-tokenizers ${PRE_TOKENIZERS.map(({ name }) => name).join(', ')}.`,
  );
}

function stepsOf(step: unknown): string[] {
  if (!isObject(step)) return [];
  const pattern = isObject(step.pattern) ? (step.pattern.Regex ?? step.pattern.String) : '';
  switch (step.type) {
    case 'Sequence':
      return (step.pretokenizers as unknown[]).flatMap(stepsOf);
    case 'ByteLevel':
      return [step.use_regex === false ? 'ByteLevel' : 'ByteLevel with regex'];
    case 'Digits':
      return [step.individual_digits === true ? 'Digits' : 'Digits in groups'];
    case 'Split':
      return [`Split ${String(pattern)}`];
    default:
      return [String(step.type)];
  }
}

/** sentencepiece's BPE, as llama's tokenizers are stored where there is no tokenizer.model: merges in the order of ids. */
function asSentencePiece(
  vocabulary: Vocabulary,
  json: Json,
  { vocab, unk_token: unknown }: BpeModel,
  merges: readonly string[],
): Vocabulary {
  const { tokens, types, scores } = vocabulary;
  const made = merges.map((merge) => vocab[merge.replace(' ', '')] ?? -1);
  // The merges of one piece stand together.
  if (made.some((id, i) => i > 0 && id < made[i - 1]!)) {
    throw new PipitError(
      'unsupported',
      "tokenizer.json's merges are in another order than its tokens. Put the model's tokenizer.model into the folder.",
    );
  }
  tokens.forEach((token, id) => {
    if (token === unknown) types[id] = TOKEN_TYPES.unknown;
    else if (/^<0x[0-9A-F]{2}>$/.test(token)) types[id] = TOKEN_TYPES.byte;
    scores[id] = -id;
  });
  const prepends = JSON.stringify(json.normalizer ?? null).includes('"Prepend"');
  const metaspace = JSON.stringify(json.pre_tokenizer ?? null);
  const addsSpacePrefix = prepends || /"prepend_scheme":"(first|always)"/.test(metaspace);
  return { ...vocabulary, model: 'llama', addsSpacePrefix };
}
