// The script of a browser's worker.
import { serveWorker } from './serve.ts';

serveWorker();
