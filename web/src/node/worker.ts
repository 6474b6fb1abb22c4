// The worker thread in Node: the neutral worker with files and URLs as sources.
import { parentPort } from 'node:worker_threads';

import { type CommonSource, openCommon, sizeOfCommon } from '../load/open.ts';
import { TUNING } from '../load/tuning.ts';
import type { ToWorker } from '../protocol.ts';
import { startEngine } from '../start_engine.ts';
import { ModelWorker } from '../worker.ts';
import { type FileSource, openFile, sizeOfFile } from './file_source.ts';
import { loadModule } from './modules.ts';
import { openStore } from './stores.ts';

type NodeSource = FileSource | CommonSource;

const port = parentPort;
if (!port) throw new Error('pipit: node/worker.js is a worker thread and cannot be run by itself');

const worker = new ModelWorker<NodeSource>({
  post: (message, transfer = []) => port.postMessage(message, transfer),
  startEngine: (wishes) => startEngine(wishes, loadModule),
  tuning: TUNING,
  openStore,
  openSource: (source, options) =>
    'path' in source ? openFile(source) : openCommon(source, options),
  sizeOf: async (source, options) =>
    'path' in source ? sizeOfFile(source) : await sizeOfCommon(source, options),
  nextTask: () => new Promise((resolve) => setImmediate(resolve)),
});
port.on('message', (message: ToWorker<NodeSource>) => worker.receive(message));
