// The records of one or several benchmark runs (their --json files) as one self-contained HTML page with charts.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { drawPicture, drawSvg, escapeXml, themeCss } from './lib/charts.mjs';
import { figuresOf } from './lib/figures.mjs';

const usage = `Usage: node benchmarks/report.mjs [options] RECORD…

RECORD is a file that a benchmark wrote with --json; of what several have measured, the later one counts.

  --html FILE     the page
  --svg FILE      the figures of --figures alone, as one picture
  --figures LIST  ids of figures, the first letters are enough (default: peers); see --list
  --list          print the ids of the figures there are
  --help          this text
`;

const wide = 600;
const narrow = 350;

const css = `
${themeCss}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1360px; padding: 24px 20px 48px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 16px; margin: 0; }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
header { margin-bottom: 24px; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, ${wide}px), 1fr)); gap: 28px 20px; }
figure { margin: 0; border-top: 1px solid var(--rule); padding-top: 12px; }
figure svg { display: block; max-width: 100%; }
.narrow { display: none; }
@media (max-width: ${wide + 40}px) { .wide { display: none; } .narrow { display: block; } }
details { margin-top: 20px; border-top: 1px solid var(--rule); padding-top: 12px; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; font: 12px/1.45 ui-monospace, monospace; }
`;

/** The whole page. */
export function renderPage(records) {
  const figures = figuresOf(records);
  const { machine } = records.at(-1);
  const memory = `${(machine.memory_bytes / 2 ** 30).toFixed(0)} GiB`;
  const about = `${machine.cpu}, ${machine.cores} cores, ${memory}; ${machine.system}; Node ${machine.node}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pipit: benchmarks</title>
<style>${css}</style>
<header>
<h1>pipit: benchmarks</h1>
<p>${escapeXml(about)}</p>
<p>Median; in parentheses the smallest and the largest.</p>
</header>
<main>
${figures.map(renderFigure).join('\n')}
</main>
${records.map(renderRecord).join('\n')}
</html>
`;
}

function renderFigure(figure) {
  const { title, note, unit } = figure;
  const drawings = [
    ['wide', wide],
    ['narrow', narrow],
  ].map(([name, width]) => `<div class="${name}">${drawSvg(figure, width)}</div>`);
  return `<figure id="${escapeXml(figure.id)}" role="group" aria-label="${escapeXml(title)}">
<h2>${escapeXml(title)} <small>(${escapeXml(unit)})</small></h2>
<p>${escapeXml(note)}</p>
${drawings.join('\n')}
</figure>`;
}

function renderRecord({ command, date, commit, table }) {
  const when = `${date.slice(0, 10)}${commit ? `, commit ${commit}` : ''}`;
  return `<details>
<summary>${escapeXml(command)}</summary>
<p>${escapeXml(when)}</p>
<pre>${escapeXml(table)}</pre>
</details>`;
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      html: { type: 'string' },
      svg: { type: 'string' },
      figures: { type: 'string', default: 'peers' },
      list: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  if (positionals.length === 0) throw new Error('RECORD is missing. See --help.');
  const records = positionals.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  const figures = figuresOf(records);
  if (values.list)
    process.stdout.write(figures.map(({ id, title }) => `${id}  ${title}\n`).join(''));
  if (values.html) writeFileSync(values.html, renderPage(records));
  if (values.svg) {
    const wanted = values.figures.split(',');
    const chosen = figures.filter(({ id }) => wanted.some((start) => id.startsWith(start)));
    if (chosen.length === 0) throw new Error(`There is no figure '${values.figures}'; see --list.`);
    writeFileSync(values.svg, drawPicture(chosen, 760));
  }
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
