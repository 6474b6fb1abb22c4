// pipit chat: one answer, or a conversation when stdin is a terminal.
import { createInterface } from 'node:readline';

import { PipitError } from '../../errors.ts';
import type { ChatMessage, LanguageModel } from '../../index.ts';
import { CTX_OPTION, LOAD_OPTIONS, SAMPLING_OPTIONS, UsageError } from '../arguments.ts';
import { type Command, openModel, show } from '../command.ts';
import { readStdin, remark } from '../terminal.ts';
import { readTextFile } from '../token_file.ts';

const REPL_HELP = `/system TEXT  begin anew with this system prompt
/reset        begin anew
/exit         leave (or Ctrl-C twice, or Ctrl-D)
/help         print this text`;

const BASE_MODEL =
  'This model has no chat template: it continues your text in place of answering it. --template FILE gives it one.';

const EMPTY_MESSAGE = 'The message is empty. Give it as an argument, or pipe it into stdin.';

export const chat: Command = {
  name: 'chat',
  usage: 'MODEL [MESSAGE…]',
  summary:
    'Answers the message, from the arguments or stdin. Without one, and with stdin a terminal: a conversation\n' +
    '(Ctrl-C stops an answer, /help lists its commands).',
  options: [
    {
      name: 'model',
      kind: 'string',
      value: 'MODEL',
      help: 'in place of the argument MODEL; the last one counts',
    },
    { name: 'system', kind: 'string', value: 'TEXT', help: 'system prompt' },
    {
      name: 'template',
      kind: 'string',
      value: 'FILE',
      help: "Jinja chat template in place of the model's own",
    },
    ...SAMPLING_OPTIONS,
    CTX_OPTION,
    ...LOAD_OPTIONS,
    { name: 'verbose', kind: 'flag', help: 'print speed and stop reason to stderr' },
  ],
  async run(args, signal) {
    const name = args.string('model') ?? args.takeModel();
    const options = args.generateOptions();
    const templatePath = args.string('template');
    const chatTemplate = templatePath === undefined ? undefined : await readTextFile(templatePath);
    const isConversation = args.positionals.length === 0 && process.stdin.isTTY;
    const words = args.positionals.join(' ');
    const message = isConversation ? '' : words || (await readStdin(EMPTY_MESSAGE));
    if (!isConversation && message.trim() === '') throw new UsageError(EMPTY_MESSAGE);
    await using model = await openModel(name, args, signal);
    const isBase = chatTemplate === undefined && model.info.chatTemplate === null;
    if (isBase && model.info.makesText) remark(BASE_MODEL);
    const answer: Answer = async (messages, stop) => {
      const stream = isBase
        ? model.generate(textOf(messages), { ...options, signal: stop })
        : model.chat(messages, { ...options, chatTemplate, signal: stop });
      return (await show(stream, args)).text;
    };
    const system = args.string('system');
    if (isConversation) await converse(model, answer, system, signal);
    else await answer([...systemMessages(system), { role: 'user', content: message }], signal);
  },
};

/** Shows the answer to `messages` and returns it. */
type Answer = (messages: readonly ChatMessage[], stop: AbortSignal) => Promise<string>;

/** What a model continues that knows no turns. */
const textOf = (messages: readonly ChatMessage[]): string =>
  messages.map(({ content }) => content).join('\n');

function systemMessages(system: string | undefined): ChatMessage[] {
  return system === undefined ? [] : [{ role: 'system', content: system }];
}

/** The terminal's side of a conversation: lines in, Ctrl-C stops the answer at hand or, between answers, leaves. */
async function converse(
  model: LanguageModel,
  answer: Answer,
  system: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  remark(
    `${model.info.name ?? model.info.architecture}, ${model.info.kernels}. /help lists the commands.`,
  );
  const terminal = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
  let stop: AbortController | undefined;
  let isClosed = false;
  terminal.on('close', () => {
    isClosed = true;
    stop?.abort();
  });
  terminal.on('SIGINT', () => {
    if (stop && !stop.signal.aborted) stop.abort();
    else terminal.close();
  });
  signal.addEventListener('abort', () => terminal.close());
  let messages = systemMessages(system);
  terminal.prompt();
  for await (const line of terminal) {
    const [command = '', ...words] = line.trim().split(' ');
    if (command === '/exit') break;
    else if (command === '/help') remark(REPL_HELP);
    else if (command === '/reset') messages = messages.filter(({ role }) => role === 'system');
    else if (command === '/system') messages = systemMessages(words.join(' ') || undefined);
    else if (command.startsWith('/')) remark(`There is no command ${command}.\n${REPL_HELP}`);
    else if (command !== '') {
      stop = new AbortController();
      messages = await turn(messages, line, answer, AbortSignal.any([signal, stop.signal]));
      stop = undefined;
    }
    if (isClosed) break;
    terminal.prompt();
  }
  terminal.close();
}

/** The conversation after one more question; as it was if the answer was stopped or failed. */
async function turn(
  messages: readonly ChatMessage[],
  content: string,
  answer: Answer,
  stop: AbortSignal,
): Promise<ChatMessage[]> {
  const asked = [...messages, { role: 'user', content }];
  try {
    return [...asked, { role: 'assistant', content: await answer(asked, stop) }];
  } catch (error) {
    if (!(error instanceof PipitError) || error.code === 'worker_died') throw error;
    if (error.code === 'cancelled') remark('\n[stopped]');
    else
      remark(
        `pipit: ${error.message}${error.code === 'context_full' ? ' /reset begins anew.' : ''}`,
      );
    return [...messages];
  }
}
