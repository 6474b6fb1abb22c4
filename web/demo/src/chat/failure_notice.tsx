// Why an answer failed, and ways on.
import type { PipitError } from 'pipit';
import { startConversation } from '../state/conversations.ts';
import { reopenModel } from '../state/model.ts';
import { panel } from '../state/view.ts';
import { Notice } from '../ui/notice.tsx';
import { answerTo } from './answers.ts';
import type { Conversation, Message } from './conversation.ts';
import { type Remedy, explain } from './problems.ts';

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
  const { title, text, remedies } = explain(error);
  return (
    <Notice kind="error" title={title} actions={remedies.map((remedy) => actions[remedy])}>
      {text}
    </Notice>
  );
}
