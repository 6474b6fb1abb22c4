// The app that every bundler gets: loads a model and continues a prompt.
import { loadModel } from 'pipit';

globalThis.generate = async (url, options) => {
  const model = await loadModel(url, options);
  const stream = model.generate('the thing in', { maxTokens: 6, temperature: 0, ignoreEos: true });
  const { tokens } = await stream.result;
  const { threads, warnings } = await model.stats();
  await model.dispose();
  return { tokens, threads, warnings };
};
