// Small parts of the page: numbers for people, percentiles, what a screen reader is told, work that waits for a frame.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Announcer } from '../../../web/demo/src/chat/announcer.ts';
import { oncePerFrame } from '../../../web/demo/src/chat/frame.ts';
import { quantile } from '../../../web/demo/src/state/quantile.ts';
import { sentencesOf } from '../../../web/demo/src/translate/translator.ts';
import { bytes, count, duration, percent, rate } from '../../../web/demo/src/ui/format.ts';

const texts: [actual: string, expected: string][] = [
  [bytes(0), '0 B'],
  [bytes(999), '999 B'],
  [bytes(1000), '1.0 kB'],
  [bytes(98_362_432), '98.4 MB'],
  [bytes(999_960), '1.0 MB'],
  [bytes(253_113_024), '253 MB'],
  [bytes(5e12), '5.0 TB'],
  [duration(0.34), '0.3 ms'],
  [duration(340), '340 ms'],
  [duration(999.6), '1.0 s'],
  [duration(9940), '9.9 s'],
  [duration(23_400), '23 s'],
  [duration(59_960), '1 min 0 s'],
  [duration(200_000), '3 min 20 s'],
  [duration(7_500_000), '2 h 5 min'],
  [rate(9.43), '9.4'],
  [rate(131.4), '131'],
  [percent(0.1234), '12.3 %'],
  [count(1, 'message'), '1 message'],
  [count(2345, 'message'), '2,345 messages'],
];

for (const [actual, expected] of texts) {
  test(`a number is shown as ${expected}`, () => assert.equal(actual, expected));
}

const quantiles: [values: number[], q: number, expected: number][] = [
  [[7], 0.99, 7],
  [[3, 1, 2, 4], 0.5, 2],
  [[3, 1, 2, 4], 0, 1],
  [[3, 1, 2, 4], 1, 4],
  [Array.from({ length: 100 }, (_, i) => i + 1), 0.99, 99],
];

for (const [values, q, expected] of quantiles) {
  test(`quantile ${q} of ${values.length} values`, () =>
    assert.equal(quantile(values, q), expected));
}

const sentences: [text: string, expected: string[]][] = [
  ['', []],
  [' \n ', []],
  ['Hello', ['Hello']],
  [' One. Two?  Three ', ['One.| ', 'Two?|  ', 'Three']],
  ['One\n\nTwo', ['One|\n\n', 'Two']],
];

for (const [text, expected] of sentences) {
  test(`the sentences of ${JSON.stringify(text)}`, () => {
    const found = sentencesOf(text, 'English').map(({ sentence, after }) =>
      after === '' ? sentence : `${sentence}|${after}`,
    );
    assert.deepEqual(found, expected);
  });
}

test('a screen reader hears whole sentences, with pauses, and all of them once', () => {
  const heard: string[] = [];
  const announcer = new Announcer((text) => heard.push(text));
  const answer = 'One. Two is **longer**. Three\n- four\nFive';
  for (let i = 1; i <= answer.length; ++i) announcer.update(answer.slice(0, i), 1000 * i);
  announcer.finish(answer);
  assert.deepEqual(heard, ['One.', 'Two is longer .', 'Three', '- four', 'Five']);

  heard.length = 0;
  const quick = new Announcer((text) => heard.push(text));
  for (let i = 1; i <= answer.length; ++i) quick.update(answer.slice(0, i), i);
  quick.finish(answer);
  assert.deepEqual(heard, ['One.', 'Two is longer . Three - four Five']);
});

test('an answer without words is not announced', () => {
  const heard: string[] = [];
  new Announcer((text) => heard.push(text)).finish(' **\n');
  assert.deepEqual(heard, []);
});

test('work runs once a frame, and not while it was slow before', (context) => {
  const frames: FrameRequestCallback[] = [];
  const globals = globalThis as { requestAnimationFrame?: (run: FrameRequestCallback) => number };
  globals.requestAnimationFrame = (run) => frames.push(run);
  context.after(() => delete globals.requestAnimationFrame);
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  const runs: number[] = [];
  const { ask } = oncePerFrame(() => {
    runs.push(now);
    now += 10;
  });
  for (now = 0; now < 100; now += 4) {
    ask();
    ask();
    for (const frame of frames.splice(0)) frame(now);
  }
  // 10 ms of work are followed by at least 30 ms without.
  assert.deepEqual(runs, [0, 42, 84]);
});
