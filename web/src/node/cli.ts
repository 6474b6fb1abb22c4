#!/usr/bin/env node
// The command line: finds the command, runs it, and turns errors into one line and an exit code.
import { PipitError, messageOf } from '../errors.ts';
import { didYouMean } from '../names.ts';
import { VERSION } from '../version.ts';
import { Arguments, UsageError, columns, commandHelp } from './arguments.ts';
import type { Command } from './command.ts';
import { bench } from './commands/bench.ts';
import { chat } from './commands/chat.ts';
import { complete } from './commands/complete.ts';
import { convert } from './commands/convert.ts';
import { detokenize } from './commands/detokenize.ts';
import { embed } from './commands/embed.ts';
import { inspect } from './commands/inspect.ts';
import { logits } from './commands/logits.ts';
import { perplexity } from './commands/perplexity.ts';
import { quantize } from './commands/quantize.ts';
import { tokenize } from './commands/tokenize.ts';
import { print } from './terminal.ts';

const COMMANDS: readonly Command[] = [
  chat,
  complete,
  tokenize,
  detokenize,
  embed,
  logits,
  perplexity,
  inspect,
  convert,
  quantize,
  bench,
];

const EXIT_ERROR = 1;
const EXIT_USAGE = 2;
const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143 } as const;
// A command that does not end by itself after a signal is left to its fate.
const GRACE_MS = 1000;

function help(): string {
  const rows = COMMANDS.map(({ name, summary }) => [name, summary.split('\n')[0]!]);
  return (
    'Usage: pipit COMMAND MODEL [options]\n\n' +
    'Small language models in WebAssembly. MODEL is the path or URL of a GGUF file, or the id of a model in the catalogue.\n\n' +
    `Commands:\n${columns(rows)}\npipit COMMAND --help says more; pipit --version prints the version.\n`
  );
}

async function run(args: readonly string[], signal: AbortSignal): Promise<void> {
  const [name = '--help', ...rest] = args;
  if (name === '--help' || name === '-h') return await print(help());
  if (name === '--version') return await print(`${VERSION}\n`);
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) {
    const names = COMMANDS.map((candidate) => candidate.name);
    throw new UsageError(
      `There is no command '${name}'${didYouMean(name, names)}. There are: ${names.join(', ')}.`,
    );
  }
  const parsed = new Arguments(command, rest);
  return parsed.flag('help')
    ? await print(commandHelp(command))
    : await command.run(parsed, signal);
}

const stop = new AbortController();
for (const [name, exitCode] of Object.entries(SIGNAL_EXITS)) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(exitCode);
    process.exitCode = exitCode;
    stop.abort();
    setTimeout(() => process.exit(exitCode), GRACE_MS).unref();
  });
}
// Whoever reads our output may stop reading: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`pipit: stdout cannot be written: ${messageOf(error)}.\n`);
  process.exit(EXIT_ERROR);
});

try {
  await run(process.argv.slice(2), stop.signal);
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_ERROR;
    const isExpected = error instanceof UsageError || error instanceof PipitError;
    process.stderr.write(
      `pipit: ${isExpected ? messageOf(error) : `internal error: ${String((error as Error).stack)}`}\n`,
    );
  }
}
