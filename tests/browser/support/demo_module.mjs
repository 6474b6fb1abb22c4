// One module of the demo page by itself, for pages of tests that import it.
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { sends } from '../../../tools/lib/server.mjs';

/** A route (tools/lib/server.mjs: serve) that answers with the module web/demo/src/`name` and what it imports. */
export async function demoModule(name) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../../web/demo/src/${name}`, import.meta.url))],
    bundle: true,
    format: 'esm',
    write: false,
  });
  return sends(outputFiles[0].text);
}
