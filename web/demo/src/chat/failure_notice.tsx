// Why an answer failed, and ways on.
import type { ErrorCode, PipitError } from 'pipit';
import { startConversation } from '../state/conversations.ts';
import { model, reopenModel } from '../state/model.ts';
import { problemTitle } from '../state/problems.ts';
import { panel } from '../state/view.ts';
import { Notice } from '../ui/notice.tsx';
import { answerTo } from './answers.ts';
import type { Conversation, Message } from './conversation.ts';

type Remedy = 'retry' | 'reload' | 'new' | 'models' | 'settings';

/** What may help against an error; against others, trying again. */
const REMEDIES: Partial<Record<ErrorCode, readonly Remedy[]>> = {
  context_full: ['new', 'settings'],
  out_of_memory: ['retry', 'settings', 'models'],
  worker_died: ['reload'],
  cancelled: ['models', 'retry'], // by closing the model: who stops an answer sees no error
  invalid_argument: ['settings', 'retry'],
};

interface FailureProps {
  error: PipitError;
  conversation: Conversation;
  message: Message;
}

export function FailureNotice({ error, conversation, message }: FailureProps) {
  const actions: Record<Remedy, { label: string; run: () => void }> = {
    retry: { label: 'Try again', run: () => answerTo(conversation, message.parent!) },
    reload: { label: 'Load the model again', run: () => void reopenModel() },
    new: { label: 'New conversation', run: startConversation },
    models: { label: 'Models', run: () => (panel.value = 'models') },
    settings: { label: 'Settings', run: () => (panel.value = 'settings') },
  };
  const remedies = REMEDIES[error.code] ?? ['retry'];
  return (
    <Notice
      kind="error"
      title={problemTitle(error.code)}
      actions={remedies
        .filter((remedy) => remedy !== 'retry' || model.value !== null)
        .map((remedy) => actions[remedy])}
    >
      {error.message}
    </Notice>
  );
}
