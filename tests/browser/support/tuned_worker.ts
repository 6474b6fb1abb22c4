// pipit's worker with small chunks and short times, so that a small file has many chunks and errors come soon.
import { serveWorker } from '../../../web/src/browser/serve.ts';

serveWorker({ chunkBytes: 16_384, lanes: 4, stallMs: 1000, attempts: 3, retryMs: 20 });
