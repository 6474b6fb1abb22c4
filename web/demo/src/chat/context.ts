// How much of the model's context a conversation has filled, as far as it is known.
import { model } from '../state/model.ts';
import { loadOptions } from '../state/settings.ts';
import { answers } from './answers.ts';
import { type Conversation, pathOf } from './conversation.ts';

export function contextOf(conversation: Conversation): { used: number; nCtx: number } {
  const nCtx = loadOptions.value.nCtx || (model.value?.info.nCtxTrain ?? 0);
  return { used: Math.min(usedTokens(conversation), nCtx), nCtx };
}

function usedTokens(conversation: Conversation): number {
  const answer = answers.value.get(conversation.id);
  const prompt = answer?.prefill.value?.total;
  if (answer && prompt) return prompt + answer.tokens.value;
  return pathOf(conversation).findLast((message) => message.contextTokens)?.contextTokens ?? 0;
}
