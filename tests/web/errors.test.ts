// Error codes are those of include/pipit/status.h; errors survive the way through the worker.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { PipitError, STATUS_CODES, fromWire, toWire } from '../../web/src/errors.ts';

test('the status codes are those of status.h, in its order', () => {
  const header = readFileSync(new URL('../../include/pipit/status.h', import.meta.url), 'utf8');
  const names = Array.from(header.matchAll(/^ {2}X\(\w+, "(\w+)"\)/gm), (match) => match[1]);
  assert.ok(names.length > 5);
  assert.deepEqual([...STATUS_CODES], names);
});

test('an error comes through the worker with code, message and cause', () => {
  const error = fromWire(
    structuredClone(toWire(new PipitError('io', 'It failed.', new Error('the disk')))),
  );
  assert.ok(error instanceof PipitError && error instanceof Error);
  assert.deepEqual([error.code, error.message, error.cause], ['io', 'It failed.', 'the disk']);
  assert.ok(!('cause' in fromWire(toWire(new PipitError('io', 'It failed.')))));
});
