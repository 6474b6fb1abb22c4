// Runs the built command line as a program.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const CLI = fileURLToPath(new URL('../../../dist/node/cli.js', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

export function start(args: string[]): ChildProcess {
  return spawn(process.execPath, [CLI, ...args], { stdio: 'pipe' });
}

export async function pipit(args: string[], stdin: string | Uint8Array = ''): Promise<Finished> {
  const child = start(args);
  child.stdin!.on('error', () => {}); // a command that fails early does not read its stdin
  child.stdin!.end(stdin);
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    exit,
  ]);
  return { code, stdout, stderr };
}

/** Its stdout. */
export async function succeed(args: string[], stdin?: string | Uint8Array): Promise<string> {
  const { code, stdout, stderr } = await pipit(args, stdin);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}
