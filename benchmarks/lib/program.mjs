// The frame of every benchmark: its options, its progress on stderr, its table on stdout, its record as JSON.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { parseArgs } from 'node:util';

import { BROWSERS, EXECUTABLES } from '../../tools/lib/browser.mjs';

/** A wrong command line: exit code 2. */
export class UsageError extends Error {}

/** How the text of an option becomes its value; each throws UsageError. */
export const parse = {
  text: (text) => text,
  count: (least) => (text, name) => {
    const n = text.trim() === '' ? NaN : Number(text);
    if (Number.isSafeInteger(n) && n >= least) return n;
    throw new UsageError(`'--${name}' must be a whole number from ${least}, not '${text}'.`);
  },
  /** Words between commas, each read by `item`; an empty text is an empty list. */
  list: (item) => (text, name) =>
    text === '' ? [] : text.split(',').map((word) => item(word.trim(), name)),
  /** One of `names`. */
  name: (names) => (text, name) => {
    if (names.includes(text)) return text;
    throw new UsageError(`'--${name}' has no '${text}'. There are: ${names.join(', ')}.`);
  },
};

/** Options that several benchmarks have. */
export const COMMON = {
  browsers: {
    name: 'hosts',
    value: 'LIST',
    default: BROWSERS.join(),
    parse: parse.list(parse.name(BROWSERS)),
    help: `of ${BROWSERS.join(', ')}`,
  },
  model: {
    name: 'model',
    value: 'MODEL',
    default: 'smollm2-135m-instruct-q4_1',
    parse: parse.text,
    help: 'an id of models/catalog.json, or the path of a GGUF file',
  },
  rounds: {
    name: 'rounds',
    value: 'N',
    default: '5',
    parse: parse.count(1),
    help: 'rounds; each measures everything once',
  },
  chromium: {
    name: 'chromium',
    value: 'PATH',
    default: EXECUTABLES.chromium,
    parse: parse.text,
    help: 'or the environment variable PIPIT_CHROMIUM',
  },
  firefox: {
    name: 'firefox',
    value: 'PATH',
    default: EXECUTABLES.firefox,
    parse: parse.text,
    help: 'or the environment variable PIPIT_FIREFOX',
  },
};

/**
 * Runs a benchmark: `measure(values, progress)` answers what goes into the record, `table(record)` is what stdout gets.
 * An option: { name, value, default, parse, help }; its value has the name in camelCase.
 */
export async function runProgram({ name, usage, summary, options, measure, table }) {
  const allOptions = [
    ...options,
    { name: 'json', value: 'FILE', parse: parse.text, help: 'write all figures to FILE' },
  ];
  try {
    const args = process.argv.slice(2);
    if (args.includes('--help') || args.includes('-h')) {
      process.stdout.write(helpText({ usage, summary, options: allOptions }));
      return;
    }
    const { json, ...values } = parseValues(allOptions, args);
    const record = {
      benchmark: name,
      date: new Date().toISOString(),
      command: commandLine(usage, withoutJson(args)),
      commit: commit(),
      machine: machine(),
      ...(await measure(values, new Steps())),
    };
    const text = table(record);
    process.stdout.write(text);
    if (json !== undefined) {
      writeFileSync(json, `${JSON.stringify({ ...record, table: text }, null, 1)}\n`);
    }
  } catch (error) {
    process.stderr.write(`${error instanceof UsageError ? error.message : error.stack}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/** The options' values, by default what each says. */
export function parseValues(options, args) {
  let given;
  try {
    const config = Object.fromEntries(options.map(({ name }) => [name, { type: 'string' }]));
    given = parseArgs({ args, options: config }).values;
  } catch (error) {
    throw new UsageError(`${error.message} See --help.`);
  }
  const entries = options.map((option) => {
    const text = given[option.name] ?? option.default;
    return [camel(option.name), text === undefined ? undefined : option.parse(text, option.name)];
  });
  return Object.fromEntries(entries);
}

const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());

function helpText({ usage, summary, options }) {
  const rows = options.map(({ name, value, default: byDefault, help }) => [
    `--${name} ${value}`,
    byDefault === undefined ? help : `${help} (default: ${byDefault === '' ? 'none' : byDefault})`,
  ]);
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`);
  return `Usage: ${usage} -- [options]\n\n${summary}\n\n${lines.join('')}`;
}

function commandLine(usage, args) {
  return args.length > 0 ? `${usage} -- ${args.join(' ')}` : usage;
}

// Where a record is written says nothing about what was measured.
function withoutJson(args) {
  return args.filter(
    (arg, i) => arg !== '--json' && args[i - 1] !== '--json' && !arg.startsWith('--json='),
  );
}

function commit() {
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim();
  } catch {
    return null;
  }
}

function machine() {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memory_bytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
  };
}

/** Progress on stderr: a line a step, with what is left by the steps so far. */
class Steps {
  #start = performance.now();
  #done = 0;
  #total = 0;

  /** How many steps are still to come. */
  remain(steps) {
    this.#total = this.#done + steps;
  }

  step(text) {
    const seconds = (performance.now() - this.#start) / 1000;
    const left = this.#done > 0 ? (seconds / this.#done) * (this.#total - this.#done) : null;
    const eta = left === null ? '' : `, about ${formatSeconds(left)} left`;
    this.#done += 1;
    this.note(`[${this.#done}/${this.#total}${eta}] ${text}`);
  }

  note(text) {
    process.stderr.write(`${text}\n`);
  }
}

function formatSeconds(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
