// The packed package, unpacked where an app would have it.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Packs the built package and unpacks it into the node_modules of a copy of tests/package/app, in a new folder that goes
 * when the tests end. Answers that folder, the app's, the package's, and npm's description of the package.
 */
export function unpackPackage() {
  const folder = mkdtempSync(path.join(tmpdir(), 'pipit-package-'));
  after(() => rmSync(folder, { recursive: true }));
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const [description] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' }));
  const app = path.join(folder, 'app');
  cpSync(path.join(root, 'tests/package/app'), app, { recursive: true });
  const modules = path.join(app, 'node_modules');
  const installed = path.join(modules, 'pipit');
  mkdirSync(installed, { recursive: true });
  const archive = path.join(folder, description.filename);
  execFileSync('tar', ['-xzf', archive, '-C', installed, '--strip-components=1']);
  // Its one dependency.
  symlinkSync(path.join(root, 'node_modules/@huggingface'), path.join(modules, '@huggingface'));
  return { folder, app, installed, description };
}
