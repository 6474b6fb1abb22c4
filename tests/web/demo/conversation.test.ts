// Conversations as trees of messages: what is shown, and that nothing said is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  type Conversation,
  append,
  changeMessage,
  newConversation,
  newId,
  pathOf,
  showBranch,
  siblingsOf,
  titleOf,
} from '../../../web/demo/src/chat/conversation.ts';

/** Says `texts` by turns, after what is shown. */
function talk(conversation: Conversation, ...texts: string[]): Conversation {
  for (const text of texts) {
    const parent = conversation.head;
    const role = pathOf(conversation).length % 2 === 0 ? 'user' : 'assistant';
    ({ conversation } = append(conversation, { parent, role, text }));
  }
  return conversation;
}

function shown(conversation: Conversation): string[] {
  return pathOf(conversation).map(({ text }) => text);
}

function find(conversation: Conversation, text: string) {
  return conversation.messages.find((message) => message.text === text)!;
}

test('an empty conversation shows nothing', () => {
  assert.deepEqual(shown(newConversation()), []);
});

test('messages are shown in their order; the first gives the title', () => {
  const conversation = talk(newConversation(), 'Hello', 'Hi', 'How are you?', 'Fine');
  assert.deepEqual(shown(conversation), ['Hello', 'Hi', 'How are you?', 'Fine']);
  assert.equal(conversation.title, 'Hello');
});

test('an edited message is a branch, and both can be shown', () => {
  const first = talk(newConversation(), 'a', 'A', 'b', 'B', 'c', 'C');
  const { parent } = find(first, 'b');
  const edited = talk(append(first, { parent, role: 'user', text: 'b2' }).conversation, 'B2');
  assert.deepEqual(shown(edited), ['a', 'A', 'b2', 'B2']);
  assert.deepEqual(
    siblingsOf(edited, find(edited, 'b2')).map(({ text }) => text),
    ['b', 'b2'],
  );
  assert.deepEqual(shown(showBranch(edited, find(edited, 'b').id)), ['a', 'A', 'b', 'B', 'c', 'C']);
  assert.equal(edited.messages.length, 8);
});

test('of a branch with branches, the newest is shown', () => {
  let conversation = talk(newConversation(), 'a', 'A');
  const parent = find(conversation, 'a').id;
  for (const text of ['A2', 'A3'])
    ({ conversation } = append(conversation, { parent, role: 'assistant', text }));
  assert.deepEqual(shown(showBranch(conversation, parent)), ['a', 'A3']);
});

test('the first message can be another one too', () => {
  const first = talk(newConversation(), 'a', 'A');
  const second = append(first, { parent: null, role: 'user', text: 'z' }).conversation;
  assert.deepEqual(shown(second), ['z']);
  assert.equal(second.title, 'a');
  assert.equal(siblingsOf(second, find(second, 'a')).length, 2);
});

test('an answer is unfinished until it says otherwise; the old conversation stays as it was', () => {
  const before = talk(newConversation(), 'a', '');
  const { id, state } = pathOf(before)[1]!;
  assert.equal(state, 'unfinished');
  const after = changeMessage(before, id, { text: 'A', state: 'complete', tokens: 1 });
  assert.deepEqual(shown(after), ['a', 'A']);
  assert.equal(pathOf(after)[1]!.state, 'complete');
  assert.deepEqual(shown(before), ['a', '']);
});

test('ids differ', () => {
  const ids = new Set(Array.from({ length: 1000 }, newId));
  assert.equal(ids.size, 1000);
});

const titles: [text: string, title: string][] = [
  ['Hello', 'Hello'],
  ['  Hello \n there', 'Hello'],
  [
    'Why does the small brown bird in my garden sing all day long?',
    'Why does the small brown bird in my garden sing…',
  ],
  ['x'.repeat(60), `${'x'.repeat(48)}…`],
  [`${'x'.repeat(47)}😀 and more`, `${'x'.repeat(47)}…`],
];

for (const [text, title] of titles) {
  test(`title of ${JSON.stringify(text)}`, () => {
    assert.equal(titleOf(text), title);
  });
}
