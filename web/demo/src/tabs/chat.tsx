// The tab "Chat": the conversations, and the one that is open.
import { Composer } from '../chat/composer.tsx';
import { ConversationList } from '../chat/conversation_list.tsx';
import { Thread } from '../chat/thread.tsx';
import { current } from '../state/conversations.ts';
import { listOpen } from '../state/view.ts';
import { Icon } from '../ui/icon.tsx';

export function ChatTab() {
  const conversation = current.value;
  return (
    <div class="chat">
      <ConversationList />
      {listOpen.value && <div class="scrim" onClick={() => (listOpen.value = false)} />}
      <div class="talk" inert={listOpen.value}>
        <div class="talk-head">
          <button
            type="button"
            class="icon-button"
            aria-label="Conversations"
            aria-expanded={listOpen.value}
            onClick={() => (listOpen.value = true)}
          >
            <Icon name="list" />
          </button>
          <span class="talk-title">{conversation.title || 'New conversation'}</span>
        </div>
        <Thread conversation={conversation} />
        <Composer conversation={conversation} />
      </div>
    </div>
  );
}
