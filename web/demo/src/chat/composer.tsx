// Where a message is written, with what goes on below it: how full the context is, and why nothing can be sent.
import { useSignal } from '@preact/signals';
import { createRef } from 'preact';
import { useEffect } from 'preact/hooks';
import { type ModelStatus, model, modelStatus } from '../state/model.ts';
import { panel, tab } from '../state/view.ts';
import { Icon } from '../ui/icon.tsx';
import { answers, say, stopAnswer } from './answers.ts';
import { ContextMeter } from './context_meter.tsx';
import type { Conversation } from './conversation.ts';
import { isSend } from './message_editor.tsx';

const input = createRef<HTMLTextAreaElement>();

/** A keyboard on a screen would cover half of what there is to read: where fingers point, they set the cursor. */
export function focusComposer(): void {
  if (!matchMedia('(pointer: coarse)').matches) input.current?.focus();
}

export function Composer({ conversation }: { conversation: Conversation }) {
  const draft = useSignal('');
  const answer = answers.value.get(conversation.id);
  const canSend = model.value !== null && !answer && draft.value.trim() !== '';

  useEffect(() => {
    if (tab.value === 'chat') focusComposer();
  }, [conversation.id]);
  // What the model was chosen with has gone, and the focus with it.
  useEffect(() => {
    if (tab.value === 'chat' && document.activeElement === document.body) focusComposer();
  }, [model.value]);

  const send = (): void => {
    if (!canSend) return;
    say(conversation, conversation.head, draft.value.trim());
    draft.value = '';
    focusComposer();
  };
  const stop = (): void => {
    stopAnswer(conversation.id);
    focusComposer();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="composer-box">
        <textarea
          ref={input}
          aria-label="Your message"
          placeholder={model.value ? 'Write a message' : placeholderWithout(modelStatus.value.kind)}
          rows={Math.min(8, draft.value.split('\n').length)}
          value={draft.value}
          onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') stop();
            if (!isSend(event)) return;
            event.preventDefault();
            send();
          }}
        />
        {answer ? (
          <button
            type="button"
            class="send stop"
            aria-label="Stop the answer"
            title="Stop the answer"
            onClick={stop}
          >
            <Icon name="stop" />
          </button>
        ) : !model.value && modelStatus.value.kind !== 'loading' && conversation.head ? (
          <button type="button" class="button primary" onClick={() => (panel.value = 'models')}>
            Choose a model
          </button>
        ) : (
          <button type="submit" class="send" aria-label="Send" title="Send" disabled={!canSend}>
            <Icon name="send" />
          </button>
        )}
      </div>
      <div class="composer-line">
        <span>Small models make mistakes. Nothing leaves this device.</span>
        <ContextMeter conversation={conversation} />
      </div>
    </form>
  );
}

function placeholderWithout(status: ModelStatus['kind']): string {
  if (status === 'loading') return 'The model is being loaded…';
  return status === 'paused' ? 'The download is paused' : 'Choose a model first';
}
