// npm start: builds the demo page and serves it with the models of models/cache/, as its own host would.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { DEMO_FOLDER, buildDemo, contentSecurityPolicy } from './build-demo.mjs';
import { ISOLATION, serve } from './lib/server.mjs';

const defaultPort = '8135';
const usage = `Usage: npm start -- [options]

Builds the demo page and serves it to this machine, with the models of models/cache/.

  --port N  (default: ${defaultPort})
`;

/** Serves a built page with every header that it can use, and `routes` beside it. Answers what serve() does. */
export function serveDemo(folder, port, routes = {}) {
  const models = fileURLToPath(new URL('../models/cache', import.meta.url));
  const headers = {
    ...ISOLATION,
    'Content-Security-Policy': `${contentSecurityPolicy()}; frame-ancestors 'none'`,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    // What has not changed is not sent again.
    'Cache-Control': 'no-cache',
  };
  return serve({ ...routes, '/models/': models, '/': folder }, { headers, port });
}

async function main() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      port: { type: 'string', default: defaultPort },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(`--port must be a whole number from 0 to 65535, not '${values.port}'.`);
  }
  await buildDemo({ modelBase: 'models/' });
  const { url } = await serveDemo(DEMO_FOLDER, port);
  process.stdout.write(`pipit's page is at ${url} until you press Ctrl+C.\n`);
}

if (import.meta.main) {
  await main().catch((error) => {
    const isTaken = error.code === 'EADDRINUSE';
    process.stderr.write(
      isTaken ? `Port ${error.port} is taken; choose another with --port.\n` : `${error.message}\n`,
    );
    process.exitCode = 1;
  });
}
