// A model's Markdown as DOM. What a model writes is never HTML: tags in it are shown as the text they are, and what the
// renderer makes is sanitised all the same. No images, no forms, nothing that loads anything.
import DOMPurify, { type Config } from 'dompurify';
import { type Token, type Tokens, Marked } from 'marked';

/** Longer texts are shown as they are: no answer is that long, and a parser can be made slow. */
const MAX_LENGTH = 200_000;
/** Quotes in quotes and lists in lists: a parser goes through the inner ones again and again, and nobody writes deeper. */
const MAX_DEPTH = 40;

const SAFE_LINK = /^(?:https?:\/\/|mailto:)/i;

const sanitizing: Config = {
  ALLOWED_TAGS: [
    ...['p', 'br', 'hr', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 'del', 'code', 'pre'],
    ...['blockquote', 'ul', 'ol', 'li', 'a', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  ALLOWED_ATTR: ['href', 'start', 'align', 'class', 'target', 'rel'],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: SAFE_LINK,
  // The expression is for addresses, and these hold none.
  ADD_URI_SAFE_ATTR: ['start', 'align', 'target', 'rel'],
  RETURN_DOM_FRAGMENT: true,
};

const marked = new Marked({
  gfm: true,
  breaks: true,
  // Tags are no Markdown here: without these two, "<b>" is text like any other.
  tokenizer: { html: () => undefined, tag: () => undefined },
  renderer: {
    image({ href, text }) {
      return link(href, escape(text || href));
    },
    link({ href, tokens }) {
      return link(href, this.parser.parseInline(tokens));
    },
    // The page has headings of its own above these.
    heading({ tokens, depth }) {
      const tag = `h${Math.min(depth + 2, 6)}`;
      return `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`;
    },
    checkbox({ checked }) {
      return checked ? '☑ ' : '☐ ';
    },
    code({ text, lang }) {
      const language = /^[\w+#.-]{1,20}/.exec(lang ?? '')?.[0];
      const attribute = language ? ` class="language-${language}"` : '';
      return `<pre><code${attribute}>${escape(text)}</code></pre>`;
    },
  },
});

/** A part of a text that is shown by itself: while an answer grows, only its last blocks change. */
export interface Block {
  /** Its source; blocks of the same source look the same. */
  raw: string;
  token: Token;
}

export function blocksOf(text: string): Block[] {
  if (text.length > MAX_LENGTH || hasDeepNesting(text)) return [plainBlock(text)];
  const tokens = marked.lexer(text);
  return tokens
    .filter(({ type }) => type !== 'space' && type !== 'def')
    .map((token) => ({ raw: token.raw, token }));
}

export function renderBlock({ token }: Block): DocumentFragment {
  const html = marked.parser([token]);
  const fragment = DOMPurify.sanitize(html, sanitizing) as unknown as DocumentFragment;
  for (const pre of fragment.querySelectorAll('pre')) frameCode(pre);
  for (const table of fragment.querySelectorAll('table')) wrap(table, 'table-frame');
  return fragment;
}

/** The code that the button `target` belongs to; null for any other place. */
export function codeToCopy(target: EventTarget | null): string | null {
  const button = target instanceof Element ? target.closest('.code-copy') : null;
  return button?.closest('.code')?.querySelector('code')?.textContent ?? null;
}

/** A line above the code, with its language and a button that copies it. */
function frameCode(pre: HTMLPreElement): void {
  const frame = wrap(pre, 'code');
  const line = document.createElement('div');
  line.className = 'code-line';
  const language = document.createElement('span');
  language.textContent = /^language-(.+)/.exec(pre.firstElementChild?.className ?? '')?.[1] ?? '';
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'code-copy';
  button.textContent = 'Copy';
  line.append(language, button);
  frame.prepend(line);
  // What scrolls must be reachable by keyboard.
  pre.tabIndex = 0;
}

function wrap(element: Element, className: string): HTMLElement {
  const frame = document.createElement('div');
  frame.className = className;
  element.replaceWith(frame);
  frame.append(element);
  return frame;
}

function link(href: string, html: string): string {
  if (!SAFE_LINK.test(href)) return html;
  return `<a href="${escape(href)}" target="_blank" rel="noopener noreferrer nofollow">${html}</a>`;
}

function plainBlock(text: string): Block {
  const token: Tokens.Code = { type: 'code', raw: text, text };
  return { raw: text, token };
}

function hasDeepNesting(text: string): boolean {
  return text.split('\n').some((line) => {
    const [prefix] = /^(?:\s*(?:>|(?:[-*+]|\d{1,9}[.)])\s))*/.exec(line)!;
    const markers = prefix.replace(/[\s\d]/g, '').length;
    // An inner list is indented by two columns at least.
    return markers + (markers && prefix.search(/\S/) / 2) > MAX_DEPTH;
  });
}

function escape(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
