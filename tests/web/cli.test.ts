// The command line end to end: results on stdout, one clear line for every error, exit codes.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';

import { CLI, pipit, start, succeed } from './support/cli.ts';
import { gguf } from './support/gguf.ts';

const ID = 'smollm2-135m-instruct-q4_1';
/** A base model. */
const GEMMA = 'gemma-3-270m-q4_k_m';
const N_VOCAB = 49152;

const folder = mkdtempSync(path.join(tmpdir(), 'pipit-cli-'));
after(() => rmSync(folder, { recursive: true }));

/** A file in the test's folder. */
function file(name: string, content?: string | Uint8Array): string {
  const where = path.join(folder, name);
  if (content !== undefined) writeFileSync(where, content);
  return where;
}

test('the built command can be run as a program, as npx does', () => {
  assert.doesNotThrow(() => accessSync(CLI, constants.X_OK));
});

test('chat answers a message, from an argument or stdin', async () => {
  const options = ['--temperature', '0', '--max-tokens', '40'];
  const question = 'What is the capital of France?';
  const answer = await succeed(['chat', ID, ...options, question]);
  assert.match(answer, /Paris.*\n$/s);
  assert.equal(
    await succeed(['chat', '--model', 'none', '--model', ID, ...options], question),
    answer,
  );
});

test('chat continues the text where the model has no template', async () => {
  const options = ['--temperature', '0', '--max-tokens', '8'];
  const { code, stdout, stderr } = await pipit([
    'chat',
    GEMMA,
    'The capital of France',
    ...options,
  ]);
  assert.equal(code, 0);
  assert.match(stderr, /no chat template: it continues your text.*--template/);
  assert.equal(
    stdout,
    await succeed(['complete', GEMMA, '--prompt', 'The capital of France', ...options]),
  );
});

test('chat takes system prompt and template', async () => {
  const template = file(
    'template.jinja',
    '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}',
  );
  const options = ['--max-tokens', '1', '--json', '--template', template, '--system', 'Be brief.'];
  const { prompt_tokens } = JSON.parse(await succeed(['chat', ID, 'Hi', ...options])) as {
    prompt_tokens: number;
  };
  const ids = JSON.parse(
    await succeed(['tokenize', ID, '--text', '[system]Be brief.[user]Hi']),
  ) as number[];
  assert.equal(prompt_tokens, ids.length);
});

test('complete streams text; --json says everything; a seed reproduces', async () => {
  const options = ['--prompt', 'Once upon a time', '--max-tokens', '8', '--seed', '5'];
  const streamed = await succeed(['complete', ID, ...options]);
  const result = JSON.parse(await succeed(['complete', ID, '--json', ...options])) as Record<
    string,
    unknown
  >;
  assert.equal(`${String(result.text)}\n`, streamed);
  const { prompt_tokens, stop_reason, stop, seed, tokens } = result;
  assert.deepEqual(
    { prompt_tokens, stop_reason, stop, seed },
    { prompt_tokens: 4, stop_reason: 'length', stop: null, seed: 5 },
  );
  assert.equal((tokens as number[]).length, 8);
  for (const speed of [
    'prefill_tokens_per_second',
    'decode_tokens_per_second',
    'prefill_ms',
    'decode_ms',
  ]) {
    assert.ok((result[speed] as number) > 0, speed);
  }
  const piped = await pipit(['complete', ID, '--verbose', ...options.slice(2)], 'Once upon a time');
  assert.equal(piped.stdout, streamed);
  assert.match(
    piped.stderr,
    /^\[prompt 4 tokens at .* tokens\/s; answer 8 at .*; stopped by length; seed 5\]\n$/,
  );
});

test('tokenize and detokenize', async () => {
  assert.equal(
    await succeed(['tokenize', ID, '--text', 'Hello <|im_end|>', '--parse-special']),
    '[19556,216,2]\n',
  );
  assert.equal(
    await succeed(['tokenize', ID, '--json'], 'Hello'),
    '{"tokens":[19556],"pieces":["Hello"]}\n',
  );
  const invalid = Uint8Array.of(0x61, 0xff, 0x62);
  assert.equal(
    await succeed(['tokenize', ID], invalid),
    await succeed(['tokenize', ID], 'a\u{FFFD}b'),
  );
  assert.equal(await succeed(['detokenize', ID, '19556', '2']), 'Hello');
  assert.equal(
    await succeed(['detokenize', ID, '--special', '--json'], '[19556,2]'),
    '{"text":"Hello<|im_end|>"}\n',
  );
});

test('logits writes float32 rows, under its name only when whole', async () => {
  const tokens = file('tokens.json', '[19556,905,28]');
  const out = file('out.f32');
  assert.deepEqual(
    JSON.parse(await succeed(['logits', ID, '--tokens', tokens, '--out', out, '--json'])),
    {
      out,
      n_tokens: 3,
      n_vocab: N_VOCAB,
    },
  );
  const logits = new Float32Array(new Uint8Array(readFileSync(out)).buffer);
  assert.equal(logits.length, 3 * N_VOCAB);
  assert.ok(logits.every(Number.isFinite));
  const failing = file('failing.f32');
  const { code } = await pipit(['logits', ID, '--tokens', tokens, '--out', failing, '--ctx', '2']);
  assert.equal(code, 1);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('failing')),
    [],
  );
});

test('logits writes through a link, and into a device, without replacing either', async () => {
  const args = ['logits', ID, '--tokens', file('one-token.json', '[1]'), '--out'];
  // A link in the test's folder stands for the device: a rename would only replace the link.
  const targets = [
    { name: 'link.f32', target: file('linked.f32', 'old') },
    { name: 'link-to-device', target: '/dev/null' },
    { name: 'link-to-full-device', target: '/dev/full', message: /cannot be written: ENOSPC/ },
  ];
  for (const { name, target, message } of targets) {
    const link = file(name);
    symlinkSync(target, link);
    const { code, stderr } = await pipit([...args, link]);
    assert.equal(code, message ? 1 : 0, stderr);
    if (message) assert.match(stderr, message);
    assert.ok(lstatSync(link).isSymbolicLink(), name);
  }
  assert.equal(readFileSync(file('linked.f32')).length, N_VOCAB * 4);
});

test('perplexity is that of the logits', async () => {
  const words = 'The quick brown fox jumps over the lazy dog. The dog sleeps.';
  const path = file('text.txt', words);
  const result = JSON.parse(await succeed(['perplexity', ID, '--file', path, '--json'])) as Record<
    string,
    number
  >;
  const ids = JSON.parse(await succeed(['tokenize', ID, '--text', words])) as number[];
  const out = file('perplexity.f32');
  const { code } = await pipit([
    'logits',
    ID,
    '--tokens',
    file('ids.json', JSON.stringify(ids)),
    '--out',
    out,
  ]);
  assert.equal(code, 0);
  const logits = new Float32Array(new Uint8Array(readFileSync(out)).buffer);
  let sum = 0;
  for (let i = 0; i + 1 < ids.length; i++) {
    const row = logits.slice(i * N_VOCAB, (i + 1) * N_VOCAB);
    const total = row.reduce((before, logit) => before + Math.exp(logit), 0);
    sum += Math.log(total) - row[ids[i + 1]!]!;
  }
  assert.equal(result.n_predicted, ids.length - 1);
  assert.ok(Math.abs(result.mean_nll! - sum / (ids.length - 1)) < 1e-6);
  assert.ok(Math.abs(result.perplexity! - Math.exp(result.mean_nll!)) < 1e-9);
  const windows = JSON.parse(
    await succeed(['perplexity', ID, '--file', path, '--ctx', '4', '--json']),
  ) as typeof result;
  assert.equal(windows.n_predicted, ids.length - Math.ceil(ids.length / 4));
});

test('inspect shows the file, also of an architecture that pipit cannot run', async () => {
  const report = await succeed(['inspect', ID]);
  for (const part of [
    'GGUF version 3',
    '272 tensors',
    'llama.block_count',
    'token_embd.weight',
    'Q4_1',
    '<|im_start|>',
  ]) {
    assert.ok(report.includes(part), part);
  }
  const foreign = gguf({
    metadata: { 'general.architecture': 'zebra', 'zebra.stripes': 9 },
    tensors: [{ name: 'stripes\u001b', type: 0, dims: [32, 2] }],
    dataBytes: 256,
  });
  const shown = await succeed(['inspect', file('foreign.gguf', foreign)]);
  assert.match(shown, /zebra\.stripes +u32 +9/);
  assert.match(shown, /stripes\\u001b +F32 +32 × 2 +256/);
  const json = JSON.parse(await succeed(['inspect', file('foreign.gguf'), '--json'])) as {
    file_size: number;
  };
  assert.equal(json.file_size, foreign.length);
});

test('bench measures', async () => {
  const options = ['--prompt-tokens', '8', '--gen-tokens', '4', '--repeat', '2'];
  const result = JSON.parse(await succeed(['bench', ID, '--json', ...options])) as Record<
    string,
    { values: number[] }
  >;
  const keys = [
    'load_ms',
    'prefill_tokens_per_second',
    'decode_tokens_per_second',
    'peak_wasm_memory_bytes',
  ];
  for (const key of keys) {
    assert.equal(result[key]!.values.length, 2, key);
    assert.ok(
      result[key]!.values.every((value) => value > 0),
      key,
    );
  }
});

test('help and version', async () => {
  assert.match(await succeed([]), /Usage: pipit COMMAND MODEL/);
  assert.match(await succeed(['--version']), /^\d+\.\d+\.\d+\n$/);
  const commands = [
    'chat',
    'complete',
    'tokenize',
    'detokenize',
    'logits',
    'perplexity',
    'inspect',
    'convert',
    'quantize',
    'bench',
  ];
  for (const command of commands) {
    assert.match(await succeed([command, '--help']), new RegExp(`^Usage: pipit ${command} [A-Z]`));
  }
});

const LLAMA = { 'general.architecture': 'llama' };
const refusals: {
  name: string;
  args: () => string[];
  stdin?: string;
  code?: number;
  message: RegExp;
}[] = [
  {
    name: 'an unknown command',
    args: () => ['chta'],
    code: 2,
    message: /no command 'chta' \(did you mean 'chat'\?\)/,
  },
  {
    name: 'an unknown option',
    args: () => ['chat', ID, '--sed', '1'],
    code: 2,
    message: /did you mean '--seed'/,
  },
  { name: 'no model', args: () => ['complete'], code: 2, message: /MODEL is missing/ },
  {
    name: 'an argument too many',
    args: () => ['complete', ID, 'x'],
    code: 2,
    message: /too many: 'x'/,
  },
  {
    name: 'a missing option',
    args: () => ['logits', ID, '--out', 'x'],
    code: 2,
    message: /'--tokens' is missing/,
  },
  {
    name: 'bench without a repeat',
    args: () => ['bench', ID, '--repeat', '0'],
    code: 2,
    message: /'--repeat' must be 1 or more/,
  },
  {
    name: 'an unknown model',
    args: () => ['chat', 'smollm', 'hi'],
    message: /no file 'smollm'.*smollm2-135m.*gemma-3/,
  },
  {
    name: 'a missing file',
    args: () => ['complete', file('none.gguf'), '-p', 'a'],
    message: /no file '.*none\.gguf'/,
  },
  { name: 'a folder', args: () => ['complete', folder, '-p', 'a'], message: /is a folder/ },
  {
    name: 'an empty file',
    args: () => ['complete', file('empty.gguf', ''), '-p', 'a'],
    message: /empty\.gguf is empty/,
  },
  {
    name: 'a text file',
    args: () => ['complete', file('text.gguf', 'Dear diary'), '-p', 'a'],
    message: /text file.*not GGUF/,
  },
  {
    name: 'a truncated header',
    args: () => [
      'complete',
      file('cut.gguf', gguf({ metadata: LLAMA }).subarray(0, 40)),
      '-p',
      'a',
    ],
    message: /40 bytes.*incomplete/,
  },
  {
    name: 'inspect: a truncated header',
    args: () => ['inspect', file('cut.gguf', gguf({ metadata: LLAMA }).subarray(0, 40))],
    message: /40 bytes.*incomplete/,
  },
  {
    name: 'inspect: three bytes',
    args: () => ['inspect', file('three.gguf', 'abc')],
    message: /not GGUF/,
  },
  {
    name: 'truncated tensors',
    args: () => {
      const tensors = [{ name: 'a', type: 0, dims: [32, 32] }];
      return [
        'complete',
        file('short.gguf', gguf({ metadata: LLAMA, tensors, dataBytes: 8 })),
        '-p',
        'a',
      ];
    },
    message: /bytes are missing/,
  },
  {
    name: 'an unknown version',
    args: () => ['complete', file('v9.gguf', gguf({ version: 9 })), '-p', 'a'],
    message: /version 9.*2 and 3/,
  },
  {
    name: 'an architecture that pipit cannot run',
    args: () => [
      'complete',
      file('zebra.gguf', gguf({ metadata: { 'general.architecture': 'zebra' } })),
      '-p',
      'a',
    ],
    message: /zebra.*llama/,
  },
  {
    name: 'a tensor type that does not exist',
    args: () => {
      const tensors = [{ name: 'a', type: 77, dims: [32] }];
      return [
        'complete',
        file('t77.gguf', gguf({ metadata: LLAMA, tensors, dataBytes: 256 })),
        '-p',
        'a',
      ];
    },
    message: /77/,
  },
  {
    name: 'unknown kernels',
    args: () => ['complete', ID, '-p', 'a', '--kernels', 'fast'],
    message: /fast.*simd128/,
  },
  {
    name: 'threads',
    args: () => ['bench', ID, '--threads', '65'],
    message: /'threads' must be .* from 1 to 64/,
  },
  {
    name: 'a value out of range',
    args: () => ['complete', ID, '-p', 'a', '--top-p', '3'],
    message: /'top_p' is 3/,
  },
  {
    name: 'a prompt longer than the context',
    args: () => ['complete', ID, '-p', 'a b c d', '--ctx', '2'],
    message: /4 tokens.*2/,
  },
  { name: 'an empty message', args: () => ['chat', ID], code: 2, message: /message is empty/ },
  {
    name: 'a blank message from stdin',
    args: () => ['chat', ID],
    stdin: ' \n',
    code: 2,
    message: /message is empty/,
  },
  {
    name: 'a short option without a value',
    args: () => ['complete', ID, '-p'],
    code: 2,
    message: /--prompt=VALUE/,
  },
  {
    name: 'arguments that are no token ids',
    args: () => ['detokenize', ID, '1', 'abc'],
    code: 2,
    message: /'abc' is no token id/,
  },
  {
    name: 'chat with a template that cannot be parsed',
    args: () => ['chat', ID, 'Hi', '--template', file('bad.jinja', '{% for')],
    message: /--template FILE/,
  },
  {
    name: 'tokens that are no JSON',
    args: () => ['detokenize', ID],
    stdin: 'nope',
    message: /stdin is not JSON/,
  },
  {
    name: 'tokens that are no ids',
    args: () => ['detokenize', ID],
    stdin: '[1,"a"]',
    message: /array of token ids/,
  },
  {
    name: 'a token file with bad JSON',
    args: () => ['logits', ID, '--tokens', file('bad.json', '[1,'), '--out', 'x'],
    message: /bad\.json is not JSON/,
  },
  {
    name: 'a token outside the vocabulary',
    args: () => ['detokenize', ID, '49152'],
    message: /49152.*vocabulary/,
  },
  {
    name: 'an output that cannot be written',
    args: () => ['logits', ID, '--tokens', file('one.json', '[1]'), '--out', file('no/x')],
    message: /no\/x cannot be written/,
  },
  {
    name: 'a text that is missing',
    args: () => ['perplexity', ID, '--file', file('none.txt')],
    message: /no file .*none\.txt/,
  },
  {
    name: 'a text without tokens',
    args: () => ['perplexity', ID, '--file', file('blank.txt', '')],
    message: /Two tokens or more/,
  },
];
for (const { name, args, stdin, code = 1, message } of refusals) {
  test(`refused: ${name}`, async () => {
    const finished = await pipit(args(), stdin);
    assert.equal(finished.code, code, finished.stderr);
    assert.equal(finished.stdout, '');
    assert.match(finished.stderr, /^pipit: [^\n]+\n$/);
    assert.match(finished.stderr, message);
  });
}

/** A generation without end, once its first text has arrived. */
async function endless(): Promise<ChildProcess> {
  const child = start(['complete', ID, '-p', 'Hello', '--ignore-eos']);
  child.stdin!.end();
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  return child;
}

const signals = [
  { signal: 'SIGINT', code: 130 },
  { signal: 'SIGTERM', code: 143 },
] as const;
for (const { signal, code } of signals) {
  test(`${signal} ends a generation quietly with exit code ${code}`, async () => {
    const child = await endless();
    const stderr = text(child.stderr!);
    const exit = new Promise((resolve) => child.on('close', resolve));
    child.stdout!.resume();
    child.kill(signal);
    assert.deepEqual([await exit, await stderr], [code, '']);
  });
}

test('a reader that stops reading is no error', async () => {
  const child = await endless();
  const stderr = text(child.stderr!);
  const exit = new Promise((resolve) => child.on('close', resolve));
  child.stdout!.destroy();
  assert.deepEqual([await exit, await stderr], [0, '']);
});

test('a full disk behind stdout is an error that says so', async () => {
  const stdio = ['ignore', openSync('/dev/full', 'w'), 'pipe'] as const;
  const args = [CLI, 'tokenize', ID, '--text', 'Hello'];
  const child = spawn(process.execPath, args, { stdio: [...stdio] });
  const exit = new Promise((resolve) => child.on('close', resolve));
  assert.match(await text(child.stderr!), /^pipit: stdout cannot be written: ENOSPC[^\n]*\n$/);
  assert.equal(await exit, 1);
});

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const leaving = [
  { name: 'Ctrl-C twice', keys: CTRL_C + CTRL_C },
  { name: 'Ctrl-D', keys: CTRL_D },
];
for (const { name, keys } of leaving) {
  test(`${name} while an answer streams leaves the conversation`, async (t) => {
    const command = `'${process.execPath}' '${CLI}' chat ${ID} --ignore-eos`;
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null']);
    t.after(() => child.kill());
    const exit = new Promise((resolve) => child.on('close', resolve));
    let shown = '';
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(shown))
        await new Promise((resolve) => child.stdout.once('data', resolve));
    };
    child.stdout.setEncoding('utf8').on('data', (data: string) => (shown += data));
    await until(/> /);
    child.stdin.write('Hello\r');
    await until(/Hello\s+\w/);
    child.stdin.write(keys);
    const code = await exit;
    assert.equal(code, 0, shown);
    assert.doesNotMatch(shown, /internal error/);
  });
}
