// The panel "Statistics": how fast the model is, and what it takes.
import type { ComponentChildren } from 'preact';
import { current } from '../state/conversations.ts';
import { model } from '../state/model.ts';
import { type AnswerStatistics, lastAnswer, modelStats } from '../state/statistics.ts';
import { contextOf } from '../chat/context.ts';
import { ModelWarnings } from '../models/model_warnings.tsx';
import { bytes, count, duration, rate, whole } from '../ui/format.ts';
import { LatencyChart } from './latency_chart.tsx';

export function StatisticsPanel() {
  if (!model.value) return <p class="hint">These come when a model is loaded.</p>;
  return (
    <>
      <ModelWarnings />
      {lastAnswer.value ? (
        <LastAnswer {...lastAnswer.value} />
      ) : (
        <p class="hint">Speeds come with the first answer.</p>
      )}
      <LoadedModel />
    </>
  );
}

function LastAnswer({ result, latencies }: AnswerStatistics) {
  const { cachedTokens, promptTokens } = result;
  return (
    <section class="figures-section" aria-labelledby="figures-answer">
      <h3 id="figures-answer">Last answer</h3>
      <dl class="figures">
        <Figure name="Writing" value={rate(result.decodeTokensPerSecond)} unit="tokens/s">
          {count(result.tokens.length, 'token')} in {duration(result.decodeMs)}
        </Figure>
        <Figure name="Reading" value={rate(result.prefillTokensPerSecond)} unit="tokens/s">
          {count(promptTokens - cachedTokens, 'token')} in {duration(result.prefillMs)}
        </Figure>
        <Figure name="Remembered" value={whole(cachedTokens)} unit="tokens">
          of the {whole(promptTokens)} before the answer, not read again
        </Figure>
      </dl>
      {latencies.length > 1 && <LatencyChart latencies={latencies} />}
    </section>
  );
}

function LoadedModel() {
  const stats = modelStats.value;
  if (!stats) return null;
  const { used, nCtx } = contextOf(current.value);
  return (
    <section class="figures-section" aria-labelledby="figures-model">
      <h3 id="figures-model">Model</h3>
      <dl class="figures">
        <Figure name="Loading" value={duration(stats.loadMs)} />
        <Figure name="Memory" value={bytes(stats.wasmMemoryBytes)}>
          {bytes(stats.kvBytes)} of it for conversations
        </Figure>
        <Figure name="Kernel set" value={stats.kernels} />
        <Figure name="Threads" value={whole(stats.threads)} />
        <Figure name="KV cache" value={stats.kvType} />
        <Figure name="Context" value={whole(used)}>
          of {whole(nCtx)} tokens, in this conversation
        </Figure>
      </dl>
    </section>
  );
}

function Figure({
  name,
  value,
  unit,
  children,
}: {
  name: string;
  value: string;
  unit?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <b>{value}</b> {unit}
        {children && <span class="hint">{children}</span>}
      </dd>
    </div>
  );
}
