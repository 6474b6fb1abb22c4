// How much of the model's context a conversation has filled.
import { model } from '../state/model.ts';
import { settings } from '../state/settings.ts';
import { whole } from '../ui/format.ts';
import { answers } from './answers.ts';
import { type Conversation, pathOf } from './conversation.ts';

export function ContextMeter({ conversation }: { conversation: Conversation }) {
  if (!model.value) return null;
  const nCtx = settings.value.nCtx || model.value.info.nCtxTrain;
  const used = usedTokens(conversation);
  if (used === 0) return null;
  const text = `${whole(used)} of ${whole(nCtx)} tokens`;
  return (
    <span class="context-meter" title="How much of the context is in use">
      <meter
        aria-label="Context in use"
        min={0}
        max={nCtx}
        low={0.7 * nCtx}
        high={0.9 * nCtx}
        optimum={0}
        value={used}
      />
      {text}
    </span>
  );
}

function usedTokens(conversation: Conversation): number {
  const answer = answers.value.get(conversation.id);
  const prompt = answer?.prefill.value?.total;
  if (answer && prompt) return prompt + answer.tokens.value;
  return pathOf(conversation).findLast((message) => message.contextTokens)?.contextTokens ?? 0;
}
