// Chat messages to prompt tokens: renders the model's Jinja template so that no message can smuggle in control tokens.
import { PipitError } from './errors.ts';
import type { ChatMessage, ModelInfo } from './protocol.ts';
import { renderTemplate } from './template.ts';

/** Text to token ids; control tokens are recognised only with `parseSpecial`. */
export type Tokenize = (text: string, addSpecial: boolean, parseSpecial: boolean) => number[];

// A noncharacter: Unicode reserves it for internal use, and no text means anything by it.
const BREAK = '\u{FDD0}';

/**
 * The prompt's tokens. A control token's text (say "<|im_end|>") inside a message stays text; in the template's own
 * text it becomes the token.
 *
 * Where no message holds such a text, the rendered prompt is tokenised as a whole, as llama.cpp does. Otherwise a mark
 * is put behind the first character of every such text in the messages. Whatever control token's text then still
 * stands in the rendered prompt is the template's own: the prompt is cut there, and what lies between is tokenised,
 * without its marks, as plain text.
 */
export function chatTokens(
  messages: readonly ChatMessage[],
  template: string | null,
  info: ModelInfo,
  tokenize: Tokenize,
): number[] {
  const source = template ?? info.chatTemplate;
  if (source === null) {
    throw new PipitError(
      'unsupported',
      'This model has no chat template (its file has no tokenizer.chat_template), so it is probably not made for ' +
        "chatting. Use generate() (pipit complete), or give a template with the option 'chatTemplate' (--template FILE).",
    );
  }
  const breaker = new ControlTextBreaker(info.controlTokens);
  const safe = messages.map(({ role, content }) => ({ role, content: breaker.protect(content) }));
  const prompt = renderTemplate(
    source,
    {
      messages: safe,
      add_generation_prompt: true,
      bos_token: info.bosToken ?? '',
      eos_token: info.eosToken ?? '',
    },
    'these messages',
  );
  // A template that writes BOS itself must not get a second one from the tokenizer.
  const addSpecial = info.bosToken === null || !prompt.startsWith(info.bosToken);
  if (!prompt.includes(BREAK)) return tokenize(prompt, addSpecial, true);

  const parts = [...breaker.split(prompt)];
  return parts.flatMap(({ text, isControl }, i) =>
    tokenize(text.replaceAll(BREAK, ''), addSpecial && i === 0, isControl),
  );
}

class ControlTextBreaker {
  readonly #controlTexts: string[];
  readonly #firstCharacters: Set<string>;

  constructor(controlTokens: readonly string[]) {
    this.#controlTexts = controlTokens
      .filter((text) => text !== '')
      .sort((a, b) => b.length - a.length);
    this.#firstCharacters = new Set(this.#controlTexts.map((text) => [...text][0]!));
  }

  /** `content` with a mark wherever a control text begins, also one that only what follows would complete. */
  protect(content: string): string {
    const clean = content.replaceAll(BREAK, '\u{FFFD}');
    let safe = '';
    let index = 0;
    for (const character of clean) {
      safe += character;
      if (this.#firstCharacters.has(character) && this.#beginsAt(clean, index)) safe += BREAK;
      index += character.length;
    }
    return safe;
  }

  #beginsAt(content: string, index: number): boolean {
    const rest = content.slice(index, index + this.#controlTexts[0]!.length);
    return this.#controlTexts.some((text) => rest.startsWith(text) || text.startsWith(rest));
  }

  /** The prompt cut at its control texts (the longest where several begin); no part is empty. */
  *split(prompt: string): Generator<{ text: string; isControl: boolean }> {
    const pattern = new RegExp(this.#controlTexts.map(escapeRegExp).join('|'), 'gu');
    let end = 0;
    for (const match of prompt.matchAll(pattern)) {
      if (match.index > end) yield { text: prompt.slice(end, match.index), isControl: false };
      yield { text: match[0], isControl: true };
      end = match.index + match[0].length;
    }
    if (end < prompt.length) yield { text: prompt.slice(end), isControl: false };
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
