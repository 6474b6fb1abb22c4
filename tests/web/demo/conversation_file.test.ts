// Export and import of conversations: what went out comes in; what is wrong is said; what is there is never changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  type Conversation,
  append,
  changeMessage,
  newConversation,
} from '../../../web/demo/src/chat/conversation.ts';
import {
  ImportError,
  exportJson,
  parseImport,
} from '../../../web/demo/src/chat/conversation_file.ts';

function example(text = 'Hello'): Conversation {
  const asked = append(newConversation(), { parent: null, role: 'user', text });
  const answered = append(asked.conversation, {
    parent: asked.message.id,
    role: 'assistant',
    text: 'Hi!',
  });
  return changeMessage(answered.conversation, answered.message.id, {
    state: 'complete',
    tokens: 2,
    tokensPerSecond: 100,
    contextTokens: 20,
  });
}

test('what was exported comes back as it was', () => {
  const conversations = [example(), example('Other'), newConversation()];
  assert.deepEqual(parseImport(exportJson(conversations), []), { added: conversations, known: 0 });
});

test('what is there already is not added again', () => {
  const conversations = [example(), example('Other')];
  const { added, known } = parseImport(exportJson(conversations), [conversations[1]!]);
  assert.deepEqual(added, [conversations[0]]);
  assert.equal(known, 1);
});

test('another conversation of the same id gets a new one, so that none is overwritten', () => {
  const mine = example();
  const theirs = { ...mine, title: 'Renamed' };
  const { added } = parseImport(exportJson([theirs, theirs]), [mine]);
  assert.equal(added.length, 2);
  assert.equal(new Set([mine.id, ...added.map(({ id }) => id)]).size, 3);
  for (const { title, messages } of added) {
    assert.equal(title, 'Renamed');
    assert.deepEqual(messages, mine.messages);
  }
});

test('what a conversation does not have is left out', () => {
  const conversation = { ...example(), extra: '<script>', __proto__: { polluted: true } };
  const file = JSON.parse(exportJson([conversation])) as { conversations: object[] };
  const [added] = parseImport(JSON.stringify(file), []).added;
  assert.deepEqual(Object.keys(added!).sort(), ['at', 'head', 'id', 'messages', 'title']);
});

/** A file with one conversation that `change` has spoilt. */
function spoilt(change: (conversation: Record<string, unknown>) => void): string {
  const file = JSON.parse(exportJson([example()])) as { conversations: Record<string, unknown>[] };
  change(file.conversations[0]!);
  return JSON.stringify(file);
}

function messages(conversation: Record<string, unknown>): Record<string, unknown>[] {
  return conversation.messages as Record<string, unknown>[];
}

const wrong: [what: string, json: string, message: RegExp][] = [
  ['no JSON', 'GGUF\x03', /not a JSON file/],
  ['an empty file', '', /not a JSON file/],
  ['null', 'null', /no conversations of pipit/],
  ['a list', '[]', /no conversations of pipit/],
  ['other JSON', '{"name": "pipit"}', /no conversations of pipit/],
  [
    'a newer version',
    '{"format": "pipit-conversations", "version": 2, "conversations": []}',
    /version 2/,
  ],
  [
    'a conversation that is none',
    '{"format": "pipit-conversations", "version": 1, "conversations": [7]}',
    /Conversation 1 is not an object/,
  ],
  ['no title', spoilt((it) => delete it.title), /"title" of conversation 1 is not a text/],
  ['a long title', spoilt((it) => (it.title = 'x'.repeat(201))), /"title" .* longer than 200/],
  ['a negative time', spoilt((it) => (it.at = -1)), /"at" of conversation 1 is not a number/],
  ['no messages', spoilt((it) => (it.messages = 'all')), /Conversation 1 has no list of messages/],
  ['a message that is none', spoilt((it) => (it.messages = [null])), /message 1 is not an object/],
  ['no head', spoilt((it) => (it.head = null)), /which of its messages is shown last/],
  ['an unknown head', spoilt((it) => (it.head = 'x')), /which of its messages is shown last/],
  [
    'a head without messages',
    spoilt((it) => (it.messages = [])),
    /which of its messages is shown last/,
  ],
  ['a number as text', spoilt((it) => (messages(it)[1]!.text = 3)), /message 2 is not a text/],
  ['an unknown role', spoilt((it) => (messages(it)[0]!.role = 'root')), /neither by the "user"/],
  ['two of one role', spoilt((it) => (messages(it)[1]!.role = 'user')), /so is the one before/],
  ['an answer to nothing', spoilt((it) => (messages(it)[1]!.parent = null)), /it is first/],
  ['an unknown parent', spoilt((it) => (messages(it)[1]!.parent = 'x')), /does not stand before/],
  ['messages in a circle', spoilt((it) => messages(it).reverse()), /does not stand before/],
  [
    'an id twice',
    spoilt((it) => (messages(it)[1]!.id = messages(it)[0]!.id)),
    /id of an earlier message/,
  ],
  ['an unknown state', spoilt((it) => (messages(it)[1]!.state = 'odd')), /"state" that is none of/],
  ['a speed in words', spoilt((it) => (messages(it)[1]!.tokens = 'two')), /"tokens" .* number/],
];

for (const [what, json, message] of wrong) {
  test(`${what} is refused in a sentence`, () => {
    assert.throws(
      () => parseImport(json, []),
      (error: Error) => {
        assert.ok(error instanceof ImportError);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}
