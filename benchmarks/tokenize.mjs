// npm run bench:tokenize: how fast texts become token ids, English and such as have no words to cut at.
import { readFileSync } from 'node:fs';

import { spread } from '../dist/stats.js';
import { modelPath } from '../tools/fetch-model.mjs';
import { EXECUTABLES } from '../tools/lib/browser.mjs';
import { HOSTS, openHost } from './lib/hosts.mjs';
import { COMMON, parse, runProgram } from './lib/program.mjs';
import { cell, tableOfBars } from './lib/table.mjs';

const textBytes = 1_000_000;
const mostMilliseconds = 2000;
/** MB/s of English text, by the kind of tokenizer. */
const leastRate = { bpe: 5, sentencepiece: 1, wordpiece: 5 };

const options = [
  {
    ...COMMON.browsers,
    default: 'node',
    parse: parse.list(parse.name(HOSTS)),
    help: `of ${HOSTS.join(', ')}`,
  },
  COMMON.model,
  COMMON.rounds,
  COMMON.chromium,
  COMMON.firefox,
];

/** [name, text]: each of a million bytes. */
function texts() {
  const english = readFileSync(new URL('../tests/golden/text.txt', import.meta.url), 'utf8');
  // A linear congruential generator's upper bits, so that the texts never change.
  let state = 1;
  const random = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const fill = (next) => {
    let text = '';
    for (let bytes = 0; bytes < textBytes;) {
      const part = next();
      text += part;
      bytes += Buffer.byteLength(part);
    }
    return text;
  };
  return [
    ['English', fill(() => english)],
    ['one letter', fill(() => 'a')],
    ['spaces', fill(() => ' ')],
    ['newlines', fill(() => '\n')],
    ['one CJK character', fill(() => '中')],
    ['CJK characters', fill(() => String.fromCharCode(0x4e00 + random(20_000)))],
    ['letters', fill(() => String.fromCharCode(0x61 + random(26)))],
    ['digits', fill(() => String(random(10)))],
    ['punctuation', fill(() => '!?.,;:-()[]{}'[random(13)])],
  ];
}

async function measure({ hosts, model, rounds, ...executables }, progress) {
  const path = modelPath(model);
  const results = [];
  const inputs = texts();
  progress.remain(hosts.length * rounds * inputs.length);
  for (const name of hosts) {
    const host = await openHost(name, { ...EXECUTABLES, ...executables });
    try {
      const loaded = await host.load(path, {});
      const values = inputs.map(() => []);
      await loaded.tokenize(inputs[0][1].slice(0, 100_000)); // warms up
      for (let round = 1; round <= rounds; ++round) {
        for (const [i, [text, content]] of inputs.entries()) {
          progress.step(`${name}, round ${round}/${rounds}, ${text}`);
          values[i].push((await loaded.tokenize(content)).ms);
        }
      }
      results.push({
        host: name,
        tokenizer: loaded.info.tokenizer,
        texts: inputs.map(([text, content], i) => ({
          text,
          bytes: Buffer.byteLength(content),
          ms: spread(values[i]),
        })),
      });
      await loaded.dispose();
    } finally {
      await host.close();
    }
  }
  return { settings: { model, rounds }, results };
}

function table({ settings, results }) {
  const [{ tokenizer, texts: measured }] = results;
  const rate = leastRate[tokenizer.split('/')[0]];
  const rows = measured.map(({ text, bytes }, i) => {
    const of = (result) => result.texts[i].ms;
    return i === 0
      ? [
          `${text}, MB/s`,
          (result) => (bytes / 1000 / of(result).median).toFixed(1),
          (result) => bytes / 1000 / of(result).median >= rate,
          `≥ ${rate}`,
        ]
      : [
          `${text}, ms`,
          (result) => cell(of(result), 0),
          (result) => of(result).max <= mostMilliseconds,
          `≤ ${mostMilliseconds}`,
        ];
  });
  return (
    `${settings.model}, tokenizer ${tokenizer}; texts of a million bytes through tokenize(), median (spread).\n\n` +
    tableOfBars('', results, rows)
  );
}

await runProgram({
  name: 'tokenize',
  usage: 'npm run bench:tokenize',
  summary: 'Measures how fast texts of a million bytes become token ids.',
  options,
  measure,
  table,
});
