// pipit detokenize: token ids to text.
import { LOAD_OPTIONS, UsageError } from '../arguments.ts';
import { type Command, openModel } from '../command.ts';
import { print, printJson, readStdin } from '../terminal.ts';
import { parseTokens } from '../token_file.ts';

export const detokenize: Command = {
  name: 'detokenize',
  usage: 'MODEL [ID…]',
  summary: 'Prints the text of token ids, given as arguments or as a JSON array on stdin.',
  options: [{ name: 'special', kind: 'flag', help: 'show control tokens too' }, ...LOAD_OPTIONS],
  async run(args, signal) {
    const name = args.takeModel();
    const tokens = await givenTokens(args.positionals);
    await using model = await openModel(name, args, signal);
    const text = await model.detokenize(tokens, { special: args.flag('special') });
    if (args.flag('json')) await printJson({ text });
    else await print(process.stdout.isTTY ? `${text}\n` : text);
  },
};

async function givenTokens(words: readonly string[]): Promise<number[]> {
  const wrong = words.find((word) => !/^\d+$/.test(word));
  if (wrong !== undefined)
    throw new UsageError(`'${wrong}' is no token id. Give whole numbers, for instance 1 42.`);
  if (words.length > 0) return words.map(Number);
  const hint = 'The token ids are missing. Give them as arguments, or pipe them into stdin.';
  return parseTokens(await readStdin(hint), 'stdin');
}
