// A message of one's own that is being rewritten.
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface EditorProps {
  text: string;
  onSend: (text: string) => void;
  onCancel: () => void;
}

export function MessageEditor({ text, onSend, onCancel }: EditorProps) {
  const draft = useSignal(text);
  const input = useRef<HTMLTextAreaElement>(null);
  // Not after the next frame: whoever has begun to type or to select by then would lose their place.
  useLayoutEffect(() => {
    input.current!.focus();
    input.current!.setSelectionRange(text.length, text.length);
  }, []);
  const send = (): void => {
    if (draft.value.trim() !== '') onSend(draft.value.trim());
  };
  return (
    <form
      class="message-editor"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onCancel();
      }}
    >
      <textarea
        ref={input}
        class="input"
        aria-label="Your message"
        rows={Math.min(12, text.split('\n').length + 1)}
        value={draft.value}
        onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
        onKeyDown={(event) => {
          if (!isSend(event)) return;
          event.preventDefault();
          send();
        }}
      />
      <div class="message-editor-actions">
        <button type="button" class="button small" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="button small primary" disabled={draft.value.trim() === ''}>
          Send
        </button>
      </div>
    </form>
  );
}

/** Enter, unless it belongs to a new line (Shift) or to an input method that composes a character. */
export function isSend(event: KeyboardEvent): boolean {
  return event.key === 'Enter' && !event.shiftKey && !event.isComposing;
}
