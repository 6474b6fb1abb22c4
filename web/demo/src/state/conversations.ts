// The conversations that the page shows, and the changes that are made to them; each is stored at once.
import { computed, effect, signal } from '@preact/signals';
import { type Conversation, newConversation } from '../chat/conversation.ts';
import { type ConversationStore, openConversations } from '../chat/database.ts';
import { toast } from '../ui/toast.tsx';

/** All conversations with at least one message, the one that was changed last first. */
export const conversations = signal<readonly Conversation[]>([]);

/** false: they cannot be stored here, and are gone when the page is closed. */
export const isLasting = signal(true);

/** A new one, which is no conversation until something is said in it. */
const draft = signal(newConversation());
const currentId = signal(draft.peek().id);

/** Where a tab keeps which conversation is open, so that reloading does not leave it. */
const OPEN_KEY = 'pipit.conversation';

export const current = computed(
  () => conversations.value.find(({ id }) => id === currentId.value) ?? draft.value,
);

let store: ConversationStore | undefined;

/** Told of a conversation that was deleted here or in another tab. */
let onGone: (id: string) => void = () => {};

export async function startConversations(whenGone: (id: string) => void): Promise<void> {
  onGone = whenGone;
  store = await openConversations((id) => void refresh(id));
  isLasting.value = store.lasting;
  // What was begun before the store had opened stays.
  const begun = conversations.value;
  show([...(await store.all()), ...begun]);
  const open = readOpen();
  if (begun.length > 0) await write(begun);
  // One in which nothing was said before the reload is not there any more.
  else if (open !== null && conversationOf(open)) openConversation(open);
  effect(() => keepOpen(currentId.value));
}

export function openConversation(id: string): void {
  currentId.value = id;
}

export function startConversation(): void {
  draft.value = newConversation();
  currentId.value = draft.value.id;
}

export function conversationOf(id: string): Conversation | undefined {
  return conversations.peek().find((conversation) => conversation.id === id);
}

/** Adds a conversation or replaces the one with its id. */
export function putConversation(conversation: Conversation): void {
  putConversations([conversation]);
}

export function putConversations(changed: readonly Conversation[]): void {
  const ids = new Set(changed.map(({ id }) => id));
  show([...conversations.value.filter(({ id }) => !ids.has(id)), ...changed]);
  void write(changed);
}

/** Deletes a conversation; the toast brings it back. */
export function deleteConversation(conversation: Conversation): void {
  const wasCurrent = currentId.value === conversation.id;
  forget(conversation.id);
  store?.delete(conversation.id).catch(reportFailure);
  toast(`“${conversation.title}” is deleted.`, {
    label: 'Undo',
    run: () => {
      putConversation(conversation);
      if (wasCurrent) openConversation(conversation.id);
    },
  });
}

/** Takes over what another tab has made of a conversation. */
async function refresh(id: string): Promise<void> {
  const before = conversationOf(id);
  const stored = await store?.get(id);
  // What was written here meanwhile is newer.
  if (conversationOf(id) !== before) return;
  if (stored) show([...conversations.value.filter((other) => other.id !== id), stored]);
  else forget(id);
}

function readOpen(): string | null {
  try {
    return sessionStorage.getItem(OPEN_KEY);
  } catch {
    return null; // blocked
  }
}

function keepOpen(id: string): void {
  try {
    sessionStorage.setItem(OPEN_KEY, id);
  } catch {
    // Blocked: the page then begins with a new conversation.
  }
}

function forget(id: string): void {
  onGone(id);
  conversations.value = conversations.value.filter((conversation) => conversation.id !== id);
  if (currentId.value === id) startConversation();
}

function show(all: readonly Conversation[]): void {
  conversations.value = all.toSorted((a, b) => b.at - a.at);
}

async function write(changed: readonly Conversation[]): Promise<void> {
  try {
    await store?.put(changed);
  } catch (error) {
    reportFailure(error);
  }
}

/** Once: a full disk would otherwise be told of at every token. */
function reportFailure(error: unknown): void {
  if (!isLasting.value) return;
  isLasting.value = false;
  const reason = error instanceof Error ? error.message : String(error);
  toast(`Conversations cannot be stored any more (${reason}). Export what you want to keep.`);
}
