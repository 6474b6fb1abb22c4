// Builds the demo page: a folder of files that any static host serves, under any path. As a module it serves npm start and
// the tests; as a program: npm run build:demo.
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { build } from 'esbuild';

import { catalog } from './fetch-model.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const demo = path.join(root, 'web', 'demo');
const source = path.join(demo, 'src');
export const DEMO_FOLDER = path.join(root, 'build', 'demo');

const usage = `Usage: npm run build:demo -- [options]

Writes the demo page into a folder that any static host serves, under any path.

  --out FOLDER      the folder, which is emptied first (default: build/demo)
  --model-base URL  where the catalogue's models lie as ID.gguf, absolute or relative to the page; by default each
                    comes from its own URL in models/catalog.json
`;

/** The page's policy: scripts and Wasm from its own folder, models from anywhere that is encrypted, nothing else. */
export function contentSecurityPolicy({ modelBase = '' } = {}) {
  const base = URL.parse(modelBase);
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    `connect-src 'self' https:${base?.protocol === 'http:' ? ` ${base.origin}` : ''}`,
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** Writes the page into the folder `out`. `modelBase` is as in the usage above. */
export async function buildDemo({ out = DEMO_FOLDER, modelBase } = {}) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await bundle(out, {
    entryPoints: { main: path.join(source, 'main.tsx') },
    format: 'esm',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { MODELS: JSON.stringify(demoModels(modelBase)) },
  });
  await bundle(out, { entryPoints: { main: path.join(source, 'styles', 'main.css') } });
  // The script that pipit is part of looks for these beside itself.
  for (const name of ['worker.js', 'wasm']) {
    const filter = (file) => !file.endsWith('.mjs');
    await cp(path.join(root, 'dist', 'browser', name), path.join(out, name), {
      recursive: true,
      filter,
    });
  }
  await cp(path.join(demo, 'pipit.svg'), path.join(out, 'pipit.svg'));
  await writeFile(path.join(out, 'index.html'), await page({ modelBase }));
  await bundle(out, {
    entryPoints: { service_worker: path.join(source, 'service_worker.ts') },
    format: 'iife',
    define: { FILES: JSON.stringify(await hashes(out)) },
  });
}

function bundle(out, options) {
  return build({
    ...options,
    outdir: out,
    bundle: true,
    minify: true,
    target: 'es2024',
    loader: { '.woff2': 'file' },
    assetNames: '[name]',
    legalComments: 'eof',
    logLevel: 'warning',
  });
}

/** The models that the page offers. */
function demoModels(modelBase) {
  return catalog()
    .filter(({ chat }) => chat)
    .map(({ id, title, url, bytes, sha256, licence }) => ({
      ...{ id, title, bytes, sha256, licence },
      url: modelBase === undefined ? url : `${modelBase.replace(/\/?$/, '/')}${id}.gguf`,
    }));
}

/** index.html with its policy, which not every host can send as a header. */
async function page(options) {
  const html = await readFile(path.join(demo, 'index.html'), 'utf8');
  const policy = contentSecurityPolicy(options);
  return html.replace(
    '<meta charset="utf-8" />',
    `$&\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
  );
}

/** What the service worker keeps: every file and its hash as fetch() takes it. The page itself is the folder, "". */
async function hashes(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const pairs = files.sort().map(async (file) => {
    const hash = createHash('sha256')
      .update(await readFile(file))
      .digest('base64');
    const name = path.relative(folder, file).split(path.sep).join('/');
    return [name === 'index.html' ? '' : name, `sha256-${hash}`];
  });
  return Object.fromEntries(await Promise.all(pairs));
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h' },
        out: { type: 'string', default: DEMO_FOLDER },
        'model-base': { type: 'string' },
      },
    });
    if (values.help) {
      process.stdout.write(usage);
    } else {
      await buildDemo({ out: path.resolve(values.out), modelBase: values['model-base'] });
      process.stdout.write(`The page is in ${path.relative(process.cwd(), values.out) || '.'}.\n`);
    }
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
