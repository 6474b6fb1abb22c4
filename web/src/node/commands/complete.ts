// pipit complete: continues a text.
import { CTX_OPTION, LOAD_OPTIONS, SAMPLING_OPTIONS } from '../arguments.ts';
import { type Command, openModel, show } from '../command.ts';
import { readStdin } from '../terminal.ts';

export const complete: Command = {
  name: 'complete',
  usage: 'MODEL --prompt TEXT',
  summary: 'Continues the prompt, from --prompt or stdin; control tokens are not recognised in it.',
  options: [
    { name: 'prompt', short: 'p', kind: 'string', value: 'TEXT', help: 'the text to continue' },
    ...SAMPLING_OPTIONS,
    CTX_OPTION,
    ...LOAD_OPTIONS,
    { name: 'verbose', kind: 'flag', help: 'print speed and stop reason to stderr' },
  ],
  async run(args, signal) {
    const name = args.takeModel();
    args.expectNoMore();
    const options = args.generateOptions();
    const prompt =
      args.string('prompt') ??
      (await readStdin("The prompt is missing. Give '--prompt TEXT', or pipe it into stdin."));
    await using model = await openModel(name, args, signal);
    await show(model.generate(prompt, { ...options, signal }), args);
  },
};
