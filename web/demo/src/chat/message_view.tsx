// One message: its text, how it ended, and what can be done with it.
import { useSignal } from '@preact/signals';
import type { Ref } from 'preact';
import { useRef } from 'preact/hooks';
import { putConversation } from '../state/conversations.ts';
import { model } from '../state/model.ts';
import { copyText } from '../ui/copy.ts';
import { count, rate } from '../ui/format.ts';
import { Dots } from '../ui/dots.tsx';
import { Icon, type IconName } from '../ui/icon.tsx';
import { useFocusBack } from '../ui/use_focus_back.ts';
import { type Answer, answerTo, answers, failures, say } from './answers.ts';
import { focusComposer } from './composer.tsx';
import { type Conversation, type Message, showBranch, siblingsOf } from './conversation.ts';
import { FailureNotice } from './failure_notice.tsx';
import { Markdown } from './markdown_view.tsx';
import { MessageEditor } from './message_editor.tsx';

interface MessageProps {
  conversation: Conversation;
  message: Message;
  isLast: boolean;
}

export function MessageView({ conversation, message, isLast }: MessageProps) {
  const editing = useSignal(false);
  const edit = useRef<HTMLButtonElement>(null);
  useFocusBack(editing.value, () => edit.current);
  const answer = answers.value.get(conversation.id);
  const isWritten = answer?.message === message.id;
  const isUser = message.role === 'user';
  const failure = failures.value.get(message.id);

  return (
    <article class={`message ${message.role} ${isLast ? 'last' : ''}`} aria-busy={isWritten}>
      <h2 class="visually-hidden">{isUser ? 'You' : 'pipit'}</h2>
      {editing.value ? (
        <MessageEditor
          text={message.text}
          onCancel={() => (editing.value = false)}
          onSend={(text) => {
            editing.value = false;
            say(conversation, message.parent, text);
            focusComposer();
          }}
        />
      ) : (
        <div class="message-body">
          {isUser ? (
            <p class="user-text">{message.text}</p>
          ) : isWritten ? (
            <GrowingAnswer answer={answer} />
          ) : (
            <Markdown text={message.text} />
          )}
        </div>
      )}
      {failure && <FailureNotice error={failure} conversation={conversation} message={message} />}
      {!editing.value && !isWritten && (
        <footer class="message-footer">
          <BranchSwitch conversation={conversation} message={message} />
          <div class="message-actions">
            <Action icon="copy" label="Copy" run={() => void copyText(message.text)} />
            {isUser ? (
              <Action
                icon="edit"
                label="Edit"
                button={edit}
                disabled={answer !== undefined || !model.value}
                run={() => (editing.value = true)}
              />
            ) : (
              <Action
                icon="retry"
                label="Answer again"
                disabled={answer !== undefined || !model.value}
                run={() => answerTo(conversation, message.parent!)}
              />
            )}
          </div>
          {!isUser && <Ending message={message} />}
        </footer>
      )}
    </article>
  );
}

function Action({
  icon,
  label,
  run,
  disabled = false,
  button,
}: {
  icon: IconName;
  label: string;
  run: () => void;
  disabled?: boolean;
  button?: Ref<HTMLButtonElement>;
}) {
  return (
    <button
      ref={button}
      type="button"
      class="icon-button small"
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={run}
    >
      <Icon name={icon} />
    </button>
  );
}

function GrowingAnswer({ answer }: { answer: Answer }) {
  if (answer.text.value !== '') {
    return (
      <div class="growing">
        <Markdown text={answer.text.value} />
      </div>
    );
  }
  const { done, total } = answer.prefill.value ?? { done: 0, total: 0 };
  return (
    <div class="waiting">
      <Dots />
      {total > 128 && (
        <span class="hint">Reading the conversation: {rate((100 * done) / total)} %</span>
      )}
    </div>
  );
}

function BranchSwitch({ conversation, message }: { conversation: Conversation; message: Message }) {
  const siblings = siblingsOf(conversation, message);
  if (siblings.length < 2) return null;
  const place = siblings.indexOf(message);
  const show = (to: number) => putConversation(showBranch(conversation, siblings[to]!.id));
  const what = message.role === 'user' ? 'version' : 'answer';
  return (
    <div class="branches" role="group" aria-label={`Other ${what}s`}>
      <Action
        icon="left"
        label={`Earlier ${what}`}
        disabled={place === 0}
        run={() => show(place - 1)}
      />
      <span>
        {place + 1}/{siblings.length}
      </span>
      <Action
        icon="right"
        label={`Later ${what}`}
        disabled={place === siblings.length - 1}
        run={() => show(place + 1)}
      />
    </div>
  );
}

function Ending({ message: { state, tokens, tokensPerSecond } }: { message: Message }) {
  const notes = {
    complete: '',
    unfinished: 'unfinished',
    length: 'stopped at the longest answer of the settings',
    context: 'stopped: the context is full',
  };
  const parts = [
    notes[state],
    tokens === undefined ? '' : count(tokens, 'token'),
    tokensPerSecond ? `${rate(tokensPerSecond)} tokens/s` : '',
  ];
  return <p class="ending">{parts.filter((part) => part !== '').join(' · ')}</p>;
}
