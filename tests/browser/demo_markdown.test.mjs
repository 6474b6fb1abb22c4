// A model's Markdown in real browsers, on a page without a Content-Security-Policy: hostile answers run nothing, load
// nothing and become nothing but text and plain formatting; friendly ones look as they should.
import assert from 'node:assert/strict';

import { browserTest, serveHere } from './support/browsers.mjs';
import { demoModule } from './support/demo_module.mjs';

/** What the pages have asked for beside themselves. */
const loads = [];
const load = (request, response) => {
  loads.push(request.url);
  response.writeHead(204).end();
};
const server = await serveHere({
  '/markdown.js': await demoModule('chat/markdown.ts'),
  '/pixel': load,
});

const fence = '```';
const hostile = {
  'a script': '<script>ran()</script>',
  'a script in a paragraph': 'Hello <script>ran()</script> there',
  'an image that fails': '<img src=x onerror=ran()>',
  'an image that loads': '<img src="/pixel">',
  'a Markdown image': '![a bird](/pixel)',
  'a Markdown image of another scheme': '![x](javascript:ran())',
  'a link with a script': '[click](javascript:ran())',
  'a link with an encoded script': '[click](&#106;avascript:ran())',
  'a link with a script behind white space': '[click](<java\tscript:ran()>)',
  'a link with data': '[click](data:text/html,<script>ran()</script>)',
  'a link that leaves its attribute': '[click](https://a.example/" onmouseover="ran())',
  'a title that leaves its attribute': '[click](https://a.example "x\\" onmouseover=\\"ran()")',
  'a reference with a script': '[click][1]\n\n[1]: javascript:ran()',
  'an autolink with a script': '<javascript:ran()>',
  'an SVG': '<svg onload=ran()><animate onbegin=ran() attributeName=x></svg>',
  'an SVG with a style': '<svg><style><img src=x onerror=ran()></style></svg>',
  'MathML that mutates':
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=ran()&gt;">',
  'a frame': '<iframe srcdoc="<script>parent.ran()</script>"></iframe>',
  'a form': '<form action="/pixel"><button autofocus onfocus=ran()>Log in</button></form>',
  'a style': '<style>@import "/pixel"; body { display: none }</style>',
  'a base and a refresh':
    '<base href="/pixel"><meta http-equiv="refresh" content="0;url=javascript:ran()">',
  'an element that hides others': '<p id="app" name="body" style="position:fixed">x</p>',
  'a language that leaves its attribute': `${fence}js"><img src=x onerror=ran()>\nx\n${fence}`,
  'a comment': '<!-- --><img src=x onerror=ran()> -->',
  'code with a closing tag': `${fence}\n</code></pre><img src=x onerror=ran()>\n${fence}`,
  'a table with a script': '| a |\n|---|\n| <img src=x onerror=ran()> |',
  'a heading with a script': '# <img src=x onerror=ran()>',
  'a half-open tag': '<img src=x onerror=ran() ',
  'a template': '<template><img src=x onerror=ran()></template>',
};

const ALLOWED = {
  a: ['href', 'rel', 'target'],
  button: ['class', 'type'],
  code: ['class'],
  div: ['class'],
  ol: ['start'],
  pre: ['tabindex'],
  span: [],
  td: ['align'],
  th: ['align'],
};
const PLAIN = 'blockquote br del em h3 h4 h5 h6 hr li p strong table tbody thead tr ul'.split(' ');

/** Shows `text` in the page; answers the elements with their attributes, the links, and whether something ran. */
function show(tab, text) {
  return tab.run(
    30,
    'Showing an answer',
    async (text) => {
      globalThis.ran = () => {
        document.title = 'ran';
      };
      document.title = 'quiet';
      const { blocksOf, renderBlock } = await import('/markdown.js');
      const place = document.createElement('main');
      document.body.replaceChildren(place);
      for (const block of blocksOf(text)) place.append(renderBlock(block));
      for (const element of place.querySelectorAll('*')) {
        element.dispatchEvent(new Event('mouseover', { bubbles: true }));
        element.focus?.();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      return {
        ran: document.title === 'ran',
        html: place.innerHTML,
        text: place.innerText,
        elements: [...place.querySelectorAll('*')].map((element) => [
          element.localName,
          element.getAttributeNames(),
        ]),
        links: [...place.querySelectorAll('a')].map(({ href, rel, target }) => ({
          ...{ href, rel, target },
        })),
      };
    },
    text,
  );
}

browserTest('hostile answers are text', { url: server.url }, async ({ tab }) => {
  for (const [what, text] of Object.entries(hostile)) {
    loads.length = 0;
    const { ran, html, elements, links } = await show(tab, text);
    const shown = `${what}: ${html}`;
    assert.equal(ran, false, shown);
    assert.deepEqual(loads, [], shown);
    for (const [name, attributes] of elements) {
      const allowed = ALLOWED[name] ?? (PLAIN.includes(name) ? [] : null);
      assert.ok(allowed, `<${name}> in ${shown}`);
      assert.deepEqual(
        attributes.filter((attribute) => !allowed.includes(attribute)),
        [],
        shown,
      );
    }
    for (const { href, rel, target } of links) {
      assert.match(href, /^(https?|mailto):/, shown);
      assert.match(rel, /noopener noreferrer/, shown);
      assert.equal(target, '_blank', shown);
    }
  }
});

const friendly = [
  ['words', '**Bold**, *soft*, `code`', /<p><strong>Bold<\/strong>, <em>soft<\/em>, <code>/],
  ['tags in words', 'Use <b> & "quotes"', /^<p>Use &lt;b&gt; &amp; "quotes"<\/p>/],
  ['a heading below the page’s own', '# Birds', /<h3>Birds<\/h3>/],
  ['lines', 'one\ntwo', /one<br>two/],
  ['a list', '3. a\n4. b', /<ol start="3">\s*<li>a<\/li>/],
  ['tasks', '- [x] done\n- [ ] not', /☑ done[^]*☐ not/],
  ['a link', '[pipit](https://a.example/?a=1&b=2)', /<a href="https:\/\/a.example\/\?a=1&amp;b=2"/],
  ['a table', '| a |\n|:-:|\n| b |', /<div class="table-frame"><table>[^]*align="center"/],
  [
    'code with its language and a button',
    `${fence}python\nprint("a")\n${fence}`,
    /<div class="code"><div class="code-line"><span>python<\/span><button[^>]*>Copy<\/button><\/div><pre tabindex="0"><code class="language-python">print\("a"\)/,
  ],
  ['code that is being written', `${fence}python\nprint(`, /<code class="language-python">print\(/],
];

browserTest('friendly answers are formatted', { url: server.url }, async ({ tab }) => {
  for (const [what, text, expected] of friendly) {
    const { html } = await show(tab, text);
    assert.match(html, expected, what);
  }
});

const long = {
  'brackets without end': '['.repeat(20_000),
  'stars without end': '*a **b '.repeat(3000),
  'quotes in quotes': '> '.repeat(5000) + 'deep',
  'lists in lists': Array.from({ length: 300 }, (_, i) => `${' '.repeat(2 * i)}- x`).join('\n'),
  'back-quotes without end': '`'.repeat(20_000) + 'a'.repeat(20_000),
  'a table without end': `|${'a|'.repeat(500)}\n|${'-|'.repeat(500)}\n`.repeat(20),
  'a very long line': 'word '.repeat(60_000),
};

browserTest(
  'answers that would keep a parser busy are shown',
  { url: server.url },
  async ({ tab }) => {
    for (const [what, text] of Object.entries(long)) {
      const start = performance.now();
      const { text: shown } = await show(tab, text);
      assert.ok(shown.length > 0, what);
      console.log(what, performance.now() - start);
    }
  },
);
