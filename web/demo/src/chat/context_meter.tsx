// How much of the model's context a conversation has filled.
import { model } from '../state/model.ts';
import { whole } from '../ui/format.ts';
import { contextOf } from './context.ts';
import type { Conversation } from './conversation.ts';

export function ContextMeter({ conversation }: { conversation: Conversation }) {
  const { used, nCtx } = contextOf(conversation);
  if (!model.value || used === 0) return null;
  const fullness = used > 0.9 * nCtx ? 'full' : used > 0.7 * nCtx ? 'filling' : '';
  return (
    <span class="context-meter" title="How much of the conversation the model can see at once">
      <progress class={`meter ${fullness}`} aria-label="Context in use" max={nCtx} value={used} />
      {whole(used)} of {whole(nCtx)} tokens
    </span>
  );
}
