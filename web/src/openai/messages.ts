// OpenAI's messages to pipit's: roles and parts of text; what a template would not see is refused.
import { checkString, describe, invalid } from '../check.ts';
import { PipitError } from '../errors.ts';
import type { ChatMessage } from '../protocol.ts';
import { type Rule, absent, apart, ignored, only, readFields } from './fields.ts';

/** OpenAI's roles as the templates of models know them. */
const ROLES: ReadonlyMap<unknown, string> = new Map([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
]);

const MESSAGE: Readonly<Record<string, Rule>> = {
  role: only([...ROLES.keys()].join(', '), (role) => ROLES.has(role)),
  content: apart,
  name: absent,
  refusal: absent,
  audio: absent,
  tool_calls: absent,
  function_call: absent,
  tool_call_id: absent,
  // Found in answers, which are given back as they came.
  annotations: ignored,
};

const PART: Readonly<Record<string, Rule>> = {
  type: apart,
  text: apart,
  prompt_cache_breakpoint: ignored,
};

export function readMessages(messages: unknown): ChatMessage[] {
  if (!Array.isArray(messages)) {
    throw invalid(`The field 'messages' must be an array of messages, not ${describe(messages)}.`);
  }
  return messages.map((message: unknown, i) => {
    const place = `messages[${i}]`;
    readFields(message, MESSAGE, place);
    const { role, content } = message as { role?: unknown; content?: unknown };
    const known = ROLES.get(role);
    if (known === undefined) throw invalid(`${place} must have a role, not ${describe(role)}.`);
    return { role: known, content: readContent(content, `${place}.content`) };
  });
}

/** Parts are joined by line breaks, as other local servers with this API do. */
function readContent(content: unknown, place: string): string {
  if (!Array.isArray(content)) return checkString(content, `The field '${place}'`);
  return content
    .map((part: unknown, i) => {
      const { type, text } = (part ?? {}) as { type?: unknown; text?: unknown };
      if (type !== 'text') {
        throw new PipitError(
          'unsupported',
          `The field '${place}[${i}]' is of type ${describe(type)}; pipit supports only parts of type 'text'.`,
        );
      }
      readFields(part, PART, `${place}[${i}]`);
      return checkString(text, `The field '${place}[${i}].text'`);
    })
    .join('\n');
}
