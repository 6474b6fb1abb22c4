// The worker thread in Node: the neutral worker with files as sources.
import { parentPort } from 'node:worker_threads';

import type { ToWorker } from '../protocol.ts';
import { startEngine } from '../start_engine.ts';
import { ModelWorker } from '../worker.ts';
import { type FileSource, openFile } from './file_source.ts';

const port = parentPort;
if (!port) throw new Error('pipit: node/worker.js is a worker thread and cannot be run by itself');

const worker = new ModelWorker<FileSource>({
  post: (message, transfer = []) => port.postMessage(message, transfer),
  startEngine,
  openSource: openFile,
  nextTask: () => new Promise((resolve) => setImmediate(resolve)),
});
port.on('message', (message: ToWorker<FileSource>) => worker.receive(message));
