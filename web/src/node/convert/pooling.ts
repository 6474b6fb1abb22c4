// How an embedding model pools, as the sentence-transformers library stores it beside the model.
import { join } from 'node:path';

import { PipitError } from '../../errors.ts';
import type { MetadataValue } from './gguf_header.ts';
import { type Json, readJson } from './json.ts';

/** `pooling_type` by llama.cpp's numbers. */
const MODES: Record<string, number> = {
  pooling_mode_mean_tokens: 1,
  pooling_mode_cls_token: 2,
  pooling_mode_lasttoken: 3,
};

/**
 * None where the folder says nothing of pooling. Throws unsupported for another way of pooling, or several, and for a
 * matrix behind it.
 */
export async function poolingKeys(folder: string): Promise<Record<string, MetadataValue>> {
  if (await readJson(join(folder, '2_Dense', 'config.json'))) {
    throw new PipitError(
      'unsupported',
      'The model multiplies its pooled vectors by a matrix (2_Dense), which pipit does not do; without it they would be wrong.',
    );
  }
  const json = await readJson(join(folder, '1_Pooling', 'config.json'));
  if (!json) return {};
  const chosen = Object.keys(json).filter((key) => isMode(json, key));
  const type = chosen.length === 1 ? MODES[chosen[0]!] : undefined;
  if (type !== undefined) return { pooling_type: { type: 'u32', value: type } };
  throw new PipitError(
    'unsupported',
    `1_Pooling/config.json chooses ${chosen.join(' and ') || 'no way of pooling'}; pipit knows ` +
      `${Object.keys(MODES).join(', ')}, one at a time.`,
  );
}

function isMode(json: Json, key: string): boolean {
  return key.startsWith('pooling_mode_') && json[key] === true;
}
