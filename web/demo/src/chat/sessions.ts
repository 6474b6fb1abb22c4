// The model's sessions of the conversations that were talked in last: a turn then prefills only what is new.
import type { LanguageModel, Session, SessionOptions } from 'pipit';

/** More would hold the memory of conversations that nobody goes back to. */
const MAX_SESSIONS = 3;

interface Kept {
  model: LanguageModel;
  options: SessionOptions;
  session: Promise<Session>;
}

/** By conversation; the one that was used last is last. */
const kept = new Map<string, Kept>();

/** The session of a conversation; of those that are not `busy`, the oldest make room for it. */
export async function sessionOf(
  conversation: string,
  model: LanguageModel,
  options: SessionOptions,
  busy: (conversation: string) => boolean,
): Promise<Session> {
  const known = kept.get(conversation);
  if (known?.model !== model || !isSame(known.options, options)) endSession(conversation);
  const entry = kept.get(conversation) ?? { model, options, session: model.createSession(options) };
  kept.delete(conversation);
  kept.set(conversation, entry);
  for (const other of [...kept.keys()]) {
    if (kept.size <= MAX_SESSIONS) break;
    if (other !== conversation && !busy(other)) endSession(other);
  }
  try {
    return await entry.session;
  } catch (error) {
    if (kept.get(conversation) === entry) kept.delete(conversation);
    throw error;
  }
}

export function endSession(conversation: string): void {
  const entry = kept.get(conversation);
  kept.delete(conversation);
  // One that could not be created, or whose model is closed, need not be disposed.
  entry?.session.then((session) => session.dispose()).catch(() => {});
}

function isSame(a: SessionOptions, b: SessionOptions): boolean {
  return a.whenFull === b.whenFull && a.keepTokens === b.keepTokens;
}
