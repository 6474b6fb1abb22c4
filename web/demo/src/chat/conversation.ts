// A conversation: a tree of messages of which one path is shown. An edited message or another answer is a new branch, so
// nothing that was said is lost. All functions return a new conversation and leave theirs as it was.

export interface Message {
  id: string;
  /** The message that this one follows; null: it begins the conversation. */
  parent: string | null;
  role: 'user' | 'assistant';
  text: string;
  /** When it was written, in milliseconds since 1970. */
  at: number;
  /** How it ended. An answer is `unfinished` from its first token until it has another state. */
  state: MessageState;
  /** Of answers that ended by themselves. */
  tokens?: number;
  tokensPerSecond?: number;
  /** Of answers: the tokens of the whole conversation up to their end. */
  contextTokens?: number;
}

/** `length`: at the longest answer that the settings allow. `context`: the context was full. */
export const MESSAGE_STATES = ['complete', 'unfinished', 'length', 'context'] as const;
type MessageState = (typeof MESSAGE_STATES)[number];

export interface Conversation {
  id: string;
  title: string;
  /** When it was last changed, in milliseconds since 1970. */
  at: number;
  /** A message comes after its parent. */
  messages: readonly Message[];
  /** The last message of the path that is shown; null: there is none yet. */
  head: string | null;
}

const TITLE_LENGTH = 48;

export function newId(): string {
  // randomUUID() exists only where the page came over https or from this machine.
  const words = crypto.getRandomValues(new Uint32Array(3));
  return Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('');
}

export function newConversation(): Conversation {
  return { id: newId(), title: '', at: Date.now(), messages: [], head: null };
}

/** The messages that are shown, from the first to the last. */
export function pathOf({ messages, head }: Conversation): Message[] {
  const path: Message[] = [];
  // Parents come first, so that one look backwards meets them all.
  let next = head;
  for (const message of messages.toReversed()) {
    if (message.id !== next) continue;
    path.unshift(message);
    next = message.parent;
  }
  return path;
}

/** `message` and the other branches at its place, in the order they were made. */
export function siblingsOf({ messages }: Conversation, message: Message): Message[] {
  return messages.filter(({ parent }) => parent === message.parent);
}

/** Adds a message after `parent` and shows it. The first of all gives the conversation its title. */
export function append(
  conversation: Conversation,
  { parent, role, text }: Pick<Message, 'parent' | 'role' | 'text'>,
): { conversation: Conversation; message: Message } {
  const at = Date.now();
  const state = role === 'user' ? 'complete' : 'unfinished';
  const message: Message = { id: newId(), parent, role, text, at, state };
  return {
    conversation: {
      ...conversation,
      title: conversation.title || titleOf(text),
      at,
      messages: [...conversation.messages, message],
      head: message.id,
    },
    message,
  };
}

/** Shows the branch that `id` is on, as far as it goes. */
export function showBranch(conversation: Conversation, id: string): Conversation {
  const { messages } = conversation;
  for (let head = id; ;) {
    const next = messages.findLast(({ parent }) => parent === head);
    if (!next) return { ...conversation, head };
    head = next.id;
  }
}

export function changeMessage(
  conversation: Conversation,
  id: string,
  changes: Partial<Omit<Message, 'id' | 'parent' | 'role' | 'at'>>,
): Conversation {
  return {
    ...conversation,
    at: Date.now(),
    messages: conversation.messages.map((message) =>
      message.id === id ? { ...message, ...changes } : message,
    ),
  };
}

/** The beginning of a first message, cut between words. */
export function titleOf(text: string): string {
  const line = text.trim().split('\n', 1)[0]!.trim();
  if (line.length <= TITLE_LENGTH) return line;
  const cut = line.slice(0, TITLE_LENGTH);
  const words = cut.replace(/\s+\S*$/, '');
  // A word that is longer than a title is cut too, though never inside a character.
  return `${(words || cut).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
