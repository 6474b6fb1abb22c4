// Native llama.cpp in a process of its own (native_process.mjs), since a process has one backend for good.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('native_process.mjs', import.meta.url));

// `workload`: { file, threads, ids, nGen, nCtx, amx, settings }. Answers { version, loadMs, run, close }.
export async function openNative(workload) {
  const child = fork(program);
  const ask = (message) =>
    new Promise((resolve, reject) => {
      const onExit = (code) => reject(new Error(`llama.cpp's process ended with code ${code}.`));
      child.once('exit', onExit);
      child.once('message', ({ error, answer }) => {
        child.off('exit', onExit);
        if (error === undefined) resolve(answer);
        else reject(new Error(error));
      });
      child.send(message);
    });
  const close = async () => {
    if (child.connected) child.disconnect();
  };
  try {
    return { ...(await ask({ open: workload })), run: () => ask({ run: true }), close };
  } catch (error) {
    await close();
    throw error;
  }
}
