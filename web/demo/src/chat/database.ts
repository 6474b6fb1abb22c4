// Where conversations are kept: IndexedDB, one record each, so that of two tabs the one that wrote last is believed, for a
// conversation as a whole. Where there is none (private windows) they last as long as the page.
import { type IDBPDatabase, openDB } from 'idb';
import type { Conversation } from './conversation.ts';

const NAME = 'pipit-conversations';
const STORE = 'conversations';

export interface ConversationStore {
  /** Whether what is put here is still there after the page was closed. */
  lasting: boolean;
  all(): Promise<Conversation[]>;
  get(id: string): Promise<Conversation | undefined>;
  put(conversations: readonly Conversation[]): Promise<void>;
  delete(id: string): Promise<void>;
}

/** `onChange` is told which conversation another tab has changed or deleted. */
export async function openConversations(
  onChange: (id: string) => void,
): Promise<ConversationStore> {
  let database: IDBPDatabase;
  try {
    database = await openDB(NAME, 1, {
      upgrade: (created) => void created.createObjectStore(STORE, { keyPath: 'id' }),
      blocking: () => database.close(),
    });
  } catch {
    return memoryStore();
  }
  const channel = new BroadcastChannel(NAME);
  channel.onmessage = ({ data }: MessageEvent<string>) => onChange(data);
  return {
    lasting: true,
    all: () => database.getAll(STORE) as Promise<Conversation[]>,
    get: (id) => database.get(STORE, id) as Promise<Conversation | undefined>,
    async put(conversations) {
      const transaction = database.transaction(STORE, 'readwrite');
      for (const conversation of conversations) void transaction.store.put(conversation);
      // At once: a page that is about to go does not live to hear that its requests have succeeded.
      transaction.commit();
      await transaction.done;
      for (const { id } of conversations) channel.postMessage(id);
    },
    async delete(id) {
      await database.delete(STORE, id);
      channel.postMessage(id);
    },
  };
}

function memoryStore(): ConversationStore {
  const kept = new Map<string, Conversation>();
  return {
    lasting: false,
    all: async () => [...kept.values()],
    get: async (id) => kept.get(id),
    put: async (conversations) => {
      for (const conversation of conversations) kept.set(conversation.id, conversation);
    },
    delete: async (id) => void kept.delete(id),
  };
}
