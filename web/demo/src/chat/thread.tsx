// The messages of a conversation, its end in view while an answer grows.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Icon } from '../ui/icon.tsx';
import { count } from '../ui/format.ts';
import { announcements, answers } from './answers.ts';
import { useAutoscroll } from './autoscroll.ts';
import { type Conversation, pathOf } from './conversation.ts';
import { MessageView } from './message_view.tsx';
import { Welcome } from './welcome.tsx';

/** More are formatted only when somebody wants to read them: the page must not stand still for a long conversation. */
const SHOWN = 40;

export function Thread({ conversation }: { conversation: Conversation }) {
  const path = pathOf(conversation);
  return (
    <div class="thread">
      {path.length === 0 ? (
        <div class="thread-frame">
          <div class="thread-content">
            <Welcome />
          </div>
        </div>
      ) : (
        <Messages key={conversation.id} conversation={conversation} path={path} />
      )}
      <Announcements />
    </div>
  );
}

function Messages({
  conversation,
  path,
}: {
  conversation: Conversation;
  path: ReturnType<typeof pathOf>;
}) {
  const { frame, content, atEnd, toEnd } = useAutoscroll();
  const written = answers.value.get(conversation.id)?.message;
  const shown = useSignal(SHOWN);
  const hidden = Math.max(0, path.length - shown.value);
  useEffect(() => {
    if (written) toEnd();
  }, [written]);
  return (
    <>
      <div class="thread-frame" ref={frame}>
        <div class="thread-content" ref={content}>
          {hidden > 0 && (
            <button type="button" class="button small" onClick={() => (shown.value += SHOWN)}>
              Show {count(Math.min(hidden, SHOWN), 'earlier message')}
            </button>
          )}
          <ol class="messages" aria-label="Messages">
            {path.slice(hidden).map((message) => (
              <li key={message.id}>
                <MessageView
                  conversation={conversation}
                  message={message}
                  isLast={message.id === conversation.head}
                />
              </li>
            ))}
          </ol>
        </div>
      </div>
      {!atEnd.value && (
        <button type="button" class="to-end" aria-label="Go to the end" onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
    </>
  );
}

/** Answers as a screen reader hears them; the messages themselves are not live, since they change with every token. */
function Announcements() {
  return (
    <div class="visually-hidden" role="log" aria-label="Answers, read aloud">
      {announcements.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
