// The answers that are being written: at most one in each conversation.
import { type Signal, signal } from '@preact/signals';
import {
  type ChatMessage,
  type GenerateResult,
  type LanguageModel,
  PipitError,
  type SessionOptions,
} from 'pipit';
import { conversationOf, putConversation } from '../state/conversations.ts';
import { model } from '../state/model.ts';
import { generateOptions, settings } from '../state/settings.ts';
import { lastAnswer } from '../state/statistics.ts';
import { Announcer } from './announcer.ts';
import { type Conversation, type Message, append, changeMessage, pathOf } from './conversation.ts';
import { oncePerFrame } from './frame.ts';
import { sessionOf } from './sessions.ts';

/** How often an answer is stored while it is written. */
const SAVE_MS = 1000;
const MAX_ANNOUNCEMENTS = 8;
/** About what a chat template puts around a system prompt. */
const TEMPLATE_TOKENS = 8;

export interface Answer {
  message: string;
  /** What there is of it; follows once a drawn frame. */
  text: Signal<string>;
  /** How much of the prompt was read; null: not told yet. */
  prefill: Signal<{ done: number; total: number } | null>;
  tokens: Signal<number>;
  stop: () => void;
}

/** By conversation. */
export const answers = signal<ReadonlyMap<string, Answer>>(new Map());

/** By message: why an answer failed. Lasts as long as the page. */
export const failures = signal<ReadonlyMap<string, PipitError>>(new Map());

/** For screen readers; the newest last. */
export const announcements = signal<readonly { id: number; text: string }[]>([]);
let nextAnnouncement = 1;

/** Says something and lets the model answer. `parent` is the message that it follows. */
export function say(conversation: Conversation, parent: string | null, text: string): void {
  const said = append(conversation, { parent, role: 'user', text });
  answerTo(said.conversation, said.message.id);
}

/** Lets the model answer the message `parent`, again if it did so before. */
export function answerTo(conversation: Conversation, parent: string): void {
  if (!model.peek() || answers.peek().has(conversation.id)) return;
  const begun = append(conversation, { parent, role: 'assistant', text: '' });
  putConversation(begun.conversation);
  void write(begun.conversation, begun.message);
}

export function stopAnswer(conversation: string): void {
  answers.peek().get(conversation)?.stop();
}

/** Stores what there is of every answer: the page may be about to go. */
export function saveAnswers(): void {
  for (const [conversation, answer] of answers.peek()) {
    update(conversation, answer.message, { text: answer.text.peek() });
  }
}

async function write(conversation: Conversation, message: Message): Promise<void> {
  const controller = new AbortController();
  const answer: Answer = {
    message: message.id,
    text: signal(''),
    prefill: signal(null),
    tokens: signal(0),
    stop: () => controller.abort(),
  };
  setAnswer(conversation.id, answer);
  const announcer = new Announcer(announce);
  let text = '';
  let savedAt = performance.now();
  let tokenAt = 0;
  const latencies: number[] = [];
  const show = oncePerFrame(() => {
    answer.text.value = text;
    answer.tokens.value = latencies.length + 1;
    announcer.update(text, performance.now());
  });
  try {
    const loaded = model.peek()!;
    const session = await sessionOf(conversation.id, loaded, await sessionOptions(loaded), (id) =>
      answers.peek().has(id),
    );
    const prompt = promptOf(conversation, message);
    const options = {
      ...generateOptions.peek(),
      signal: controller.signal,
      onPrefill: (progress: { done: number; total: number }) => (answer.prefill.value = progress),
    };
    // A base model knows no turns: it continues what there is.
    const stream = isBase(loaded)
      ? session.generate(prompt.map(({ content }) => content).join('\n'), options)
      : session.chat(prompt, options);
    for await (const piece of stream) {
      const now = performance.now();
      if (piece.token !== null) {
        if (tokenAt > 0) latencies.push(now - tokenAt);
        tokenAt = now;
      }
      text += piece.text;
      show.ask();
      if (now - savedAt > SAVE_MS) {
        savedAt = now;
        update(conversation.id, message.id, { text });
      }
    }
    const result = await stream.result;
    update(conversation.id, message.id, { text: text.trimEnd(), ...endOf(result) });
    lastAnswer.value = { result, latencies };
  } catch (error) {
    const prompt = answer.prefill.peek()?.total;
    update(conversation.id, message.id, {
      text: text.trimEnd(),
      ...(prompt ? { contextTokens: prompt + answer.tokens.peek() } : {}),
    });
    if (!controller.signal.aborted) fail(message.id, PipitError.from(error));
  } finally {
    show.cancel();
    setAnswer(conversation.id, null);
    announcer.finish(text);
  }
}

/** Made to continue text, not to chat. */
export const isBase = ({ info }: LanguageModel): boolean => info.chatTemplate === null;

/** What slides out of a full context is never the system prompt. */
async function sessionOptions(loaded: LanguageModel): Promise<SessionOptions> {
  const { whenFull, systemPrompt } = settings.peek();
  const system = systemPrompt.trim();
  const tokens = system === '' ? [] : await loaded.tokenize(system);
  return { whenFull, keepTokens: tokens.length + TEMPLATE_TOKENS };
}

function promptOf(conversation: Conversation, answer: Message): ChatMessage[] {
  const system = settings.peek().systemPrompt.trim();
  const said = pathOf({ ...conversation, head: answer.parent });
  return [
    ...(system === '' ? [] : [{ role: 'system', content: system }]),
    ...said.map(({ role, text }) => ({ role, content: text })),
  ];
}

function endOf(result: GenerateResult): Partial<Message> {
  const { stopReason, tokens, promptTokens, decodeTokensPerSecond } = result;
  const isCut = stopReason === 'length' || stopReason === 'context';
  return {
    state: isCut ? stopReason : 'complete',
    tokens: tokens.length,
    tokensPerSecond: decodeTokensPerSecond,
    contextTokens: promptTokens + tokens.length,
  };
}

/** Changes a message where it still is; its conversation may be deleted, or changed in another tab. */
function update(id: string, message: string, changes: Parameters<typeof changeMessage>[2]): void {
  const conversation = conversationOf(id);
  if (conversation) putConversation(changeMessage(conversation, message, changes));
}

function setAnswer(conversation: string, answer: Answer | null): void {
  const next = new Map(answers.peek());
  if (answer) next.set(conversation, answer);
  else next.delete(conversation);
  answers.value = next;
}

function fail(message: string, error: PipitError): void {
  failures.value = new Map(failures.peek()).set(message, error);
  announce(error.message);
}

function announce(text: string): void {
  const kept = announcements.peek().slice(1 - MAX_ANNOUNCEMENTS);
  announcements.value = [...kept, { id: nextAnnouncement++, text }];
}
