// All conversations: open, rename, delete, export, import.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import {
  conversations,
  current,
  deleteConversation,
  isLasting,
  openConversation,
  putConversation,
  putConversations,
  startConversation,
} from '../state/conversations.ts';
import { listOpen } from '../state/view.ts';
import { count } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { Notice } from '../ui/notice.tsx';
import { toast } from '../ui/toast.tsx';
import { answers } from './answers.ts';
import { focusComposer } from './composer.tsx';
import type { Conversation } from './conversation.ts';
import { exportJson, ImportError, parseImport } from './conversation_file.ts';

export function ConversationList() {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (listOpen.value) close.current!.focus();
  }, [listOpen.value]);
  return (
    <nav
      class={`conversations ${listOpen.value ? 'open' : ''}`}
      aria-label="Conversations"
      onKeyDown={({ key }) => {
        if (key === 'Escape') listOpen.value = false;
      }}
    >
      <div class="conversations-head">
        <button
          type="button"
          class="button new"
          onClick={() => {
            startConversation();
            listOpen.value = false;
          }}
        >
          <Icon name="plus" />
          New conversation
        </button>
        <button
          ref={close}
          type="button"
          class="icon-button list-close"
          aria-label="Close the list of conversations"
          onClick={() => (listOpen.value = false)}
        >
          <Icon name="close" />
        </button>
      </div>
      {!isLasting.value && (
        <Notice kind="warning">
          This browser does not store conversations here, perhaps because the window is private.
          They are gone when the page is closed, unless you export them.
        </Notice>
      )}
      <ul class="conversation-items">
        {conversations.value.map((conversation) => (
          <Item key={conversation.id} conversation={conversation} />
        ))}
      </ul>
      <FileActions />
    </nav>
  );
}

function Item({ conversation }: { conversation: Conversation }) {
  const { id, title } = conversation;
  const isOpen = current.value.id === id;
  const renaming = useSignal(false);
  if (renaming.value) {
    return (
      <li>
        <Rename conversation={conversation} onDone={() => (renaming.value = false)} />
      </li>
    );
  }
  return (
    <li class={`conversation-item ${isOpen ? 'current' : ''}`}>
      <button
        type="button"
        class="conversation-title"
        aria-current={isOpen ? 'page' : undefined}
        onClick={() => {
          openConversation(id);
          listOpen.value = false;
        }}
      >
        {title}
        {answers.value.has(id) && <span class="visually-hidden">, being answered</span>}
      </button>
      <button
        type="button"
        class="icon-button small"
        aria-label={`Rename “${title}”`}
        title="Rename"
        onClick={() => (renaming.value = true)}
      >
        <Icon name="edit" />
      </button>
      <button
        type="button"
        class="icon-button small"
        aria-label={`Delete “${title}”`}
        title="Delete"
        onClick={() => {
          deleteConversation(conversation);
          focusComposer();
        }}
      >
        <Icon name="trash" />
      </button>
    </li>
  );
}

function Rename({ conversation, onDone }: { conversation: Conversation; onDone: () => void }) {
  // An input that goes away loses the focus too.
  const isDone = useRef(false);
  const finish = (title: string): void => {
    if (isDone.current) return;
    isDone.current = true;
    const trimmed = title.trim();
    if (trimmed !== '' && trimmed !== conversation.title)
      putConversation({ ...conversation, title: trimmed });
    onDone();
  };
  return (
    <input
      class="input"
      aria-label="Title of the conversation"
      maxLength={120}
      defaultValue={conversation.title}
      ref={(input) => input?.select()}
      onKeyDown={({ key, currentTarget }) => {
        if (key === 'Enter') finish(currentTarget.value);
        if (key === 'Escape') finish('');
      }}
      onBlur={({ currentTarget }) => finish(currentTarget.value)}
    />
  );
}

function FileActions() {
  const input = useRef<HTMLInputElement>(null);
  const problem = useSignal('');
  return (
    <div class="conversations-foot">
      {problem.value !== '' && (
        <Notice
          kind="error"
          title="Nothing was imported"
          actions={[{ label: 'Close', run: () => (problem.value = '') }]}
        >
          {problem.value}
        </Notice>
      )}
      <button
        type="button"
        class="button small"
        disabled={conversations.value.length === 0}
        onClick={exportAll}
      >
        <Icon name="download" />
        Export
      </button>
      <button type="button" class="button small" onClick={() => input.current!.click()}>
        <Icon name="upload" />
        Import
      </button>
      <input
        ref={input}
        hidden
        type="file"
        accept="application/json,.json"
        aria-label="File with conversations"
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          currentTarget.value = '';
          if (file) void importFile(file).then((message) => (problem.value = message));
        }}
      />
    </div>
  );
}

function exportAll(): void {
  const url = URL.createObjectURL(
    new Blob([exportJson(conversations.value)], { type: 'application/json' }),
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = `pipit-conversations-${new Date().toISOString().slice(0, 10)}.json`;
  link.click();
  URL.revokeObjectURL(url);
}

/** What was wrong with the file; "" when it was taken in. */
async function importFile(file: File): Promise<string> {
  try {
    const { added, known } = parseImport(await file.text(), conversations.value);
    putConversations(added);
    toast(importText(added.length, known));
    return '';
  } catch (error) {
    if (error instanceof ImportError) return error.message;
    return `The file cannot be read (${error instanceof Error ? error.message : String(error)}).`;
  }
}

function importText(added: number, known: number): string {
  if (known === 0) return `${count(added, 'conversation')} imported.`;
  if (added === 0) return 'All conversations of this file are here already.';
  return `${count(added, 'conversation')} imported; the others of the file are here already.`;
}
