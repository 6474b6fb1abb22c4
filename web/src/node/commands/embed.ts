// pipit embed: texts to vectors.
import type { EmbedOptions } from '../../index.ts';
import { LOAD_OPTIONS, UsageError } from '../arguments.ts';
import { type Command, openModel } from '../command.ts';
import { Progress, printJson, readStdin } from '../terminal.ts';

export const embed: Command = {
  name: 'embed',
  usage: 'MODEL --text TEXT [--text TEXT…]',
  summary: 'Prints the vector of each text as a JSON array, one a line.',
  options: [
    {
      name: 'text',
      kind: 'strings',
      value: 'TEXT',
      help: 'a text (may be given several times); without it every line of stdin is one',
    },
    {
      name: 'pooling',
      kind: 'string',
      value: 'NAME',
      help: "how the tokens' vectors become one: auto (default: as the file says), mean, cls, last",
    },
    ...LOAD_OPTIONS,
  ],
  details:
    'Vectors have the length 1, so the dot product of two is their cosine: the nearer to 1, the nearer the texts are in\n' +
    'meaning. Give a text the prefix that the model was trained with, for instance "search_query: ".\n' +
    'With --json: {"embeddings": [{"text", "tokens": how many, "vector": […]}, …]}.',
  async run(args, signal) {
    const name = args.takeModel();
    args.expectNoMore();
    const given = args.strings('text');
    const texts = given.length > 0 ? given : await readLines();
    await using model = await openModel(name, args, signal);
    const progress = new Progress('embedding');
    const embeddings = await model
      .embed(texts, {
        pooling: args.string('pooling') as EmbedOptions['pooling'], // checked by the engine
        signal,
        onProgress: ({ done, total }) => progress.update(done, total),
      })
      .finally(() => progress.end());
    const rows = embeddings.map(({ vector, tokens }, i) => ({
      text: texts[i],
      tokens,
      vector: Array.from(vector),
    }));
    if (args.flag('json')) return await printJson({ embeddings: rows });
    for (const { vector } of rows) await printJson(vector);
  },
};

async function readLines(): Promise<string[]> {
  const text = await readStdin(
    "The texts are missing. Give '--text TEXT', or pipe lines into stdin.",
  );
  // An empty line is a text as well: the vectors stand as the lines do.
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  if (lines.every((line) => line === ''))
    throw new UsageError('There is no text in stdin. Give at least one line.');
  return lines;
}
