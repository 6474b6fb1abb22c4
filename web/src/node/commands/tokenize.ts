// pipit tokenize: text to token ids.
import { LOAD_OPTIONS, UsageError } from '../arguments.ts';
import { type Command, openModel } from '../command.ts';
import { printJson, readStdin } from '../terminal.ts';

export const tokenize: Command = {
  name: 'tokenize',
  usage: 'MODEL --text TEXT',
  summary: 'Prints the token ids of the text, from --text or stdin, as a JSON array.',
  options: [
    { name: 'text', kind: 'string', value: 'TEXT', help: 'the text; without it stdin is read' },
    {
      name: 'add-special',
      kind: 'flag',
      help: 'begin with BOS where the model wants it (default)',
    },
    { name: 'no-add-special', kind: 'flag', help: 'never add BOS' },
    { name: 'parse-special', kind: 'flag', help: 'texts of control tokens become these tokens' },
    ...LOAD_OPTIONS,
  ],
  details: 'With --json: {"tokens": […], "pieces": [what each stands for]}.',
  async run(args, signal) {
    const name = args.takeModel();
    args.expectNoMore();
    if (args.flag('add-special') && args.flag('no-add-special')) {
      throw new UsageError('Give only one of --add-special and --no-add-special.');
    }
    const text =
      args.string('text') ??
      (await readStdin("The text is missing. Give '--text TEXT', or pipe it into stdin."));
    await using model = await openModel(name, args, signal);
    const tokens = await model.tokenize(text, {
      addSpecial: !args.flag('no-add-special'),
      parseSpecial: args.flag('parse-special'),
    });
    if (!args.flag('json')) return await printJson(tokens);
    const pieces = await Promise.all(
      tokens.map((token) => model.detokenize([token], { special: true })),
    );
    return await printJson({ tokens, pieces });
  },
};
