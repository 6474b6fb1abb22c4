// Command-line arguments: the option tables of all commands, their parsing, and the help made from them.
import { parseArgs } from 'node:util';

import { didYouMean, toKebab } from '../names.ts';
import { GENERATE_OPTIONS, type GenerateOptions } from '../options.ts';

/** A wrong command line: exit code 2. */
export class UsageError extends Error {}

type Kind = 'flag' | 'string' | 'strings' | 'integer' | 'number';

export interface CliOption {
  name: string;
  short?: string;
  kind: Kind;
  /** What stands for the value in the help. */
  value?: string;
  help: string;
}

export interface CommandSpec {
  name: string;
  /** The positional arguments, for the help. */
  usage: string;
  summary: string;
  /** More for the help, after the options. */
  details?: string;
  options: readonly CliOption[];
}

export const COMMON_OPTIONS: readonly CliOption[] = [
  { name: 'json', kind: 'flag', help: 'print the result as JSON' },
  { name: 'help', short: 'h', kind: 'flag', help: 'print this text' },
];

export const LOAD_OPTIONS: readonly CliOption[] = [
  {
    name: 'kernels',
    kind: 'string',
    value: 'NAME',
    help: 'kernel set: auto (default), relaxed, relaxed-i16, relaxed-i32, simd128, xnnpack, xnnpack-qd8, reference',
  },
  {
    name: 'kv-type',
    kind: 'string',
    value: 'NAME',
    help: 'KV cache: auto (default: int8 for the llama family, else f16), f32, f16, int8',
  },
  {
    name: 'threads',
    kind: 'integer',
    value: 'N',
    help: 'threads, 1 to 64 (default: the processors, at most 4)',
  },
  {
    name: 'tokenizer',
    kind: 'string',
    value: 'FILE',
    help: "a tokenizer.model of sentencepiece, in place of the file's own vocabulary",
  },
];

const CLI_KINDS = {
  integer: 'integer',
  number: 'number',
  boolean: 'flag',
  strings: 'strings',
  pairs: 'strings',
} as const;
const CLI_VALUES = {
  integer: 'N',
  number: 'X',
  boolean: undefined,
  strings: 'TEXT',
  pairs: 'ID=BIAS',
} as const;

/** Every option of generate(), under its name in kebab-case. */
export const SAMPLING_OPTIONS: readonly CliOption[] = GENERATE_OPTIONS.map(
  ({ name, kind, help }) => ({
    name: toKebab(name),
    kind: CLI_KINDS[kind],
    value: CLI_VALUES[kind],
    help,
  }),
);

/** loadModel()'s nCtx. */
export const CTX_OPTION: CliOption = {
  name: 'ctx',
  kind: 'integer',
  value: 'N',
  help: 'context size in tokens; 0: what the model was trained for',
};

type Value = boolean | string | number | string[];

/** The arguments of one command, checked against its table. */
export class Arguments {
  readonly positionals: string[] = [];
  readonly #spec: CommandSpec;
  readonly #values = new Map<string, Value>();

  /** Throws UsageError for what the table does not have, with the nearest name. */
  constructor(spec: CommandSpec, args: readonly string[]) {
    this.#spec = spec;
    const options = [...spec.options, ...COMMON_OPTIONS];
    for (const token of tokenise(options, args)) {
      if (token.kind === 'positional') {
        this.positionals.push(token.value);
      } else if (token.kind === 'option') {
        const option = options.find(
          ({ name, short }) => name === token.name || `-${short}` === token.rawName,
        );
        if (!option) {
          const names = options.map(({ name }) => `--${name}`);
          throw this.#error(
            `There is no option '${token.rawName}'${didYouMean(token.rawName, names)}.`,
          );
        }
        this.#set(option, token.rawName, token.value, token.inlineValue ?? false);
      }
    }
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true;
  }

  string(name: string): string | undefined {
    return this.#values.get(name) as string | undefined;
  }

  /** An option that may be given several times. */
  strings(name: string): string[] {
    return (this.#values.get(name) as string[] | undefined) ?? [];
  }

  number(name: string): number | undefined {
    return this.#values.get(name) as number | undefined;
  }

  /** The value of an option that must be given. */
  required(name: string): string {
    const value = this.string(name);
    if (value === undefined) throw this.#error(`The option '--${name}' is missing.`);
    return value;
  }

  /** An integer of at least `least`. */
  count(name: string, byDefault: number, least: number): number {
    const value = this.number(name) ?? byDefault;
    if (value < least) throw this.#error(`'--${name}' must be ${least} or more, not ${value}.`);
    return value;
  }

  /** The first positional: a path or a catalogue id. */
  takeModel(): string {
    return this.take('MODEL', 'Give the path of a GGUF file or a catalogue id.');
  }

  /** The first positional; `hint` says what the one called `name` should be. */
  take(name: string, hint: string): string {
    const value = this.positionals.shift();
    if (value === undefined) throw this.#error(`${name} is missing. ${hint}`);
    return value;
  }

  expectNoMore(): void {
    if (this.positionals.length === 0) return;
    throw this.#error(`There is an argument too many: '${this.positionals[0]}'.`);
  }

  /** What the options of the table SAMPLING_OPTIONS say. */
  generateOptions(): GenerateOptions {
    const options: Record<string, unknown> = {};
    for (const { name, kind } of GENERATE_OPTIONS) {
      const value = this.#values.get(toKebab(name));
      if (value === undefined) continue;
      options[name] =
        kind === 'pairs' ? (value as string[]).map((pair) => this.#biasPair(pair)) : value;
    }
    return options;
  }

  #set(option: CliOption, given: string, text: string | undefined, isInline: boolean): void {
    const { name, kind } = option;
    if (kind === 'flag') {
      if (text !== undefined) throw this.#error(`The option '${given}' takes no value.`);
      this.#values.set(name, true);
      return;
    }
    if (text === undefined || (!isInline && /^-[^\d.]/.test(text))) {
      throw this.#error(
        `The option '${given}' needs a value (one that begins with '-' is written --${name}=VALUE).`,
      );
    }
    if (kind === 'strings') {
      this.#values.set(name, [...((this.#values.get(name) as string[] | undefined) ?? []), text]);
    } else {
      this.#values.set(name, kind === 'string' ? text : this.#parseNumber(given, kind, text));
    }
  }

  #parseNumber(given: string, kind: 'integer' | 'number', text: string): number {
    const value = text.trim() === '' ? NaN : Number(text);
    if (kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)) return value;
    throw this.#error(
      `'${given}' must be a ${kind === 'integer' ? 'whole number' : 'number'}, not '${text}'.`,
    );
  }

  #biasPair(pair: string): [number, number] {
    const [, id, bias] = /^(\d+)=(-inf|[-+]?[\d.]+(?:e[-+]?\d+)?)$/i.exec(pair) ?? [];
    const value = bias?.toLowerCase() === '-inf' ? -Infinity : Number(bias);
    if (id === undefined || Number.isNaN(value)) {
      throw this.#error(
        `'--logit-bias' must be ID=BIAS, for instance 42=-5 or 42=-inf, not '${pair}'.`,
      );
    }
    return [Number(id), value];
  }

  #error(message: string): UsageError {
    return new UsageError(`${message} See pipit ${this.#spec.name} --help.`);
  }
}

function tokenise(options: readonly CliOption[], args: readonly string[]) {
  const config = Object.fromEntries(
    options.map(({ name, short, kind }) => {
      const type = kind === 'flag' ? ('boolean' as const) : ('string' as const);
      return [name, short === undefined ? { type } : { type, short }];
    }),
  );
  // Not strict: the checks here give better messages, and take "--max-tokens -1".
  return parseArgs({
    args: [...args],
    options: config,
    strict: false,
    allowPositionals: true,
    tokens: true,
  }).tokens;
}

export function commandHelp(spec: CommandSpec): string {
  const rows = [...spec.options, ...COMMON_OPTIONS].map(({ name, short, value, help }) => [
    `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`,
    help,
  ]);
  const details = spec.details ? `\n${spec.details}\n` : '';
  return `Usage: pipit ${spec.name} ${spec.usage} [options]\n\n${spec.summary}\n\nOptions:\n${columns(rows)}${details}`;
}

/** Two columns of help, indented. */
export function columns(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([left = '']) => left.length));
  return rows.map(([left = '', right = '']) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}
