// Conversations as JSON: what is exported, and what of a file somebody chose can be taken in. Nothing in a file is
// believed; what is there already is never changed by it.
import { type Conversation, MESSAGE_STATES, type Message, newId } from './conversation.ts';

const FORMAT = 'pipit-conversations';
const VERSION = 1;

/** Of a file; more would not fit into the page's memory comfortably. */
const MAX_BYTES = 64_000_000;
const MAX_TITLE = 200;

export interface Import {
  /** To be added; their ids are free. */
  added: Conversation[];
  /** How many are there already, word for word. */
  known: number;
}

/** The message says in plain words what is wrong with a file, and where. */
export class ImportError extends Error {}

export function exportJson(conversations: readonly Conversation[]): string {
  return JSON.stringify({ format: FORMAT, version: VERSION, conversations }, null, 1);
}

/** Throws ImportError. One wrong conversation refuses the whole file: half an import would be hard to see. */
export function parseImport(json: string, existing: readonly Conversation[]): Import {
  const file = checkFile(json);
  const byId = new Map(existing.map((conversation) => [conversation.id, conversation]));
  const result: Import = { added: [], known: 0 };
  file.forEach((value, i) => {
    let conversation = checkConversation(value, `Conversation ${i + 1}`);
    const other = byId.get(conversation.id);
    if (other && JSON.stringify(checkConversation(other, '')) === JSON.stringify(conversation)) {
      result.known += 1;
      return;
    }
    if (other) conversation = { ...conversation, id: newId() };
    byId.set(conversation.id, conversation);
    result.added.push(conversation);
  });
  return result;
}

function checkFile(json: string): unknown[] {
  if (json.length > MAX_BYTES) {
    throw new ImportError(`The file is larger than ${MAX_BYTES / 1e6} MB, more than can be read.`);
  }
  let file: unknown;
  try {
    file = JSON.parse(json);
  } catch {
    throw new ImportError('This is not a JSON file. Choose one that was exported from this page.');
  }
  const { format, version, conversations } = isObject(file) ? file : {};
  if (format !== FORMAT || !Array.isArray(conversations)) {
    throw new ImportError(
      'This JSON file holds no conversations of pipit. Choose one that was exported from this page.',
    );
  }
  if (version !== VERSION) {
    throw new ImportError(
      `The file is of version ${String(version)}, and this page reads version ${VERSION}. Reload the page to get its newest version.`,
    );
  }
  return conversations;
}

/** `value` reduced to what a conversation has. */
function checkConversation(value: unknown, where: string): Conversation {
  if (!isObject(value)) throw new ImportError(`${where} is not an object.`);
  const { messages, head } = value;
  const id = checkText(value, 'id', where, MAX_TITLE);
  const title = checkText(value, 'title', where, MAX_TITLE);
  const at = checkNumber(value, 'at', where);
  if (!Array.isArray(messages)) throw new ImportError(`${where} has no list of messages.`);
  const byId = new Map<string, Message>();
  messages.forEach((message, i) => {
    const checked = checkMessage(message, byId, `${where}, message ${i + 1}`);
    byId.set(checked.id, checked);
  });
  if (byId.size === 0 ? head !== null : !byId.has(head as string)) {
    throw new ImportError(`${where} does not say which of its messages is shown last ("head").`);
  }
  return { id, title, at, messages: [...byId.values()], head: head as string | null };
}

/** `earlier` has the messages before it: among them must be its parent. */
function checkMessage(
  value: unknown,
  earlier: ReadonlyMap<string, Message>,
  where: string,
): Message {
  if (!isObject(value)) throw new ImportError(`${where} is not an object.`);
  const { parent, role, state } = value;
  const id = checkText(value, 'id', where, MAX_TITLE);
  if (earlier.has(id)) throw new ImportError(`${where} has the id of an earlier message.`);
  const before = parent === null ? undefined : earlier.get(parent as string);
  if (parent !== null && !before) {
    throw new ImportError(`${where} follows a message that does not stand before it ("parent").`);
  }
  if (role !== 'user' && role !== 'assistant') {
    throw new ImportError(`${where} is neither by the "user" nor by the "assistant" ("role").`);
  }
  if (role === (before?.role ?? 'assistant')) {
    throw new ImportError(
      `${where} is by the ${role}, and so is the one before it, or it is first.`,
    );
  }
  if (!MESSAGE_STATES.includes(state as Message['state'])) {
    throw new ImportError(`${where} has a "state" that is none of ${MESSAGE_STATES.join(', ')}.`);
  }
  const message: Message = {
    id,
    parent: before?.id ?? null,
    role,
    text: checkText(value, 'text', where, MAX_BYTES),
    at: checkNumber(value, 'at', where),
    state: state as Message['state'],
  };
  for (const name of ['tokens', 'tokensPerSecond', 'contextTokens'] as const) {
    if (value[name] !== undefined) message[name] = checkNumber(value, name, where);
  }
  return message;
}

function checkText(
  object: Record<string, unknown>,
  name: string,
  where: string,
  maxLength: number,
): string {
  const value = object[name];
  if (typeof value === 'string' && value.length <= maxLength) return value;
  const what = typeof value === 'string' ? `longer than ${maxLength} characters` : 'not a text';
  throw new ImportError(`The "${name}" of ${lowerFirst(where)} is ${what}.`);
}

function checkNumber(object: Record<string, unknown>, name: string, where: string): number {
  const value = object[name];
  if (typeof value === 'number' && value >= 0) return value;
  throw new ImportError(`The "${name}" of ${lowerFirst(where)} is not a number from 0 on.`);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
