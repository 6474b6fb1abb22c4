// The process that native.mjs starts: opens llama.cpp with one workload, then measures it as often as it is asked to.
import {
  describeLlama,
  openLlama,
  openLlamaWithoutAmx,
  openModel,
  wideInstructions,
} from './llama.mjs';

const kF16 = 1; // llama.cpp's default type of the KV cache
let model;
let workload;

async function open(given) {
  workload = given;
  const llama = await (workload.amx ? openLlama() : openLlamaWithoutAmx());
  const start = performance.now();
  model = await openModel(llama, workload.file);
  const loadMs = performance.now() - start;
  return { version: `${describeLlama(llama).llama_cpp}, ${wideInstructions(llama)}`, loadMs };
}

async function run() {
  const { ids, nGen, nCtx, threads, settings } = workload;
  const context = await model.context({ nCtx, threads, kvType: kF16, ...settings });
  const timed = async (tokens) => {
    const begin = performance.now();
    const next = await context.sample(tokens);
    return { next, ms: performance.now() - begin };
  };
  const prompt = await timed(ids);
  let { next } = prompt;
  let decodeMs = 0;
  for (let n = 1; n < nGen; ++n) {
    const step = await timed([next]);
    next = step.next;
    decodeMs += step.ms;
  }
  await context.dispose();
  return { prefill: (1000 * ids.length) / prompt.ms, decode: (1000 * (nGen - 1)) / decodeMs };
}

process.on('message', async (message) => {
  try {
    process.send({ answer: await (message.open ? open(message.open) : run()) });
  } catch (error) {
    process.send({ error: error.message });
  }
});
// Without a parent there is nothing to do; its threads need not end in order.
process.on('disconnect', () => process.exit());
