// npm run size: what the .wasm modules of dist/browser/wasm/ are made of, section by section; fails beyond the limit.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../dist/browser/wasm', import.meta.url));
const limitBytes = 450_000; // gzipped

// https://webassembly.github.io/spec/core/binary/modules.html#sections
const sectionNames = [
  'custom',
  'type',
  'import',
  'function',
  'table',
  'memory',
  'global',
  'export',
  'start',
  'element',
  'code',
  'data',
  'data count',
  'tag',
];

/** The sections of a Wasm module in order: [{ name, bytes }], each with its header. Throws for what is none. */
export function wasmSections(module) {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  if (!header.every((byte, i) => module[i] === byte)) throw new Error('This is no Wasm module.');
  const sections = [];
  let at = header.length;
  while (at < module.length) {
    const start = at;
    const id = module[at];
    const size = readU32(module, at + 1);
    at = size.end + size.value;
    if (at > module.length) throw new Error('The Wasm module ends within a section.');
    const name = sectionNames[id] ?? `section ${id}`;
    sections.push({
      name: id === 0 ? `custom "${readName(module, size.end)}"` : name,
      bytes: module.subarray(start, at),
    });
  }
  return sections;
}

/** An unsigned LEB128 of at most five bytes. */
function readU32(bytes, at) {
  let value = 0;
  for (let i = 0; i < 5; ++i) {
    const byte = bytes[at + i];
    if (byte === undefined) throw new Error('The Wasm module ends within a number.');
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  throw new Error('The Wasm module has a number of more than five bytes.');
}

function readName(bytes, at) {
  const { value, end } = readU32(bytes, at);
  return new TextDecoder().decode(bytes.subarray(end, end + value));
}

/** A module's sizes: { total, gzipped, sections: [{ name, total, gzipped }] }; sections of a name together. */
export function measureModule(module) {
  const byName = new Map();
  for (const { name, bytes } of wasmSections(module)) {
    byName.set(name, [...(byName.get(name) ?? []), bytes]);
  }
  const sections = [...byName].map(([name, parts]) => ({ name, ...sizes(Buffer.concat(parts)) }));
  return { ...sizes(module), sections };
}

const sizes = (bytes) => ({
  total: bytes.length,
  gzipped: gzipSync(bytes, { level: 9 }).length,
});

export const isTooLarge = ({ gzipped }) => gzipped > limitBytes;

function main() {
  const files = readdirSync(folder).filter((file) => file.endsWith('.wasm'));
  if (files.length === 0)
    throw new Error('There is no module in dist/browser/wasm/. Build it: npm run build');
  for (const file of files) {
    const measured = measureModule(readFileSync(path.join(folder, file)));
    const allowed = `  of ${limitBytes.toLocaleString('en-US')}`;
    printRow(file, 'bytes', 'gzip -9', '');
    for (const { name, total, gzipped } of measured.sections)
      printRow(`  ${name}`, total, gzipped, '');
    printRow('  all', measured.total, measured.gzipped, allowed);
    if (isTooLarge(measured)) {
      process.stderr.write(`${file} is larger than ${limitBytes} bytes gzipped.\n`);
      process.exitCode = 1;
    }
  }
}

function printRow(name, total, gzipped, note) {
  const cells = [total, gzipped].map((cell) => cell.toLocaleString('en-US').padStart(10));
  process.stdout.write(`${name.padEnd(36)}${cells.join('')}${note}\n`);
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
