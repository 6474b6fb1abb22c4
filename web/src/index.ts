// What pipit exports in every environment; node/index.ts adds loadModel and inspectModel for Node.
export { type EmbedOptions, type LoadOptions, LanguageModel, type ModelFiles } from './client.ts';
export { type ErrorCode, PipitError } from './errors.ts';
export type * as OpenAI from './openai/index.ts';
export type { CallOptions, GenerateOptions, SessionOptions } from './options.ts';
export type {
  ChatMessage,
  DrawnToken,
  Embedding,
  GenerateResult,
  LogitsChunk,
  ModelDescription,
  KvType,
  LoadProgress,
  ModelInfo,
  ModelStats,
  Piece,
  Pooling,
  Score,
  StopReason,
  TokenLogprob,
} from './protocol.ts';
export { type ChatOptions, type ScoreOptions, Session } from './session.ts';
export { GenerationStream } from './stream.ts';
export type { StoreOption } from './store/choice.ts';
export type { StorageEstimate } from './store/estimate.ts';
export type { StoreOptions, StoredModel, VerifyOptions, VerifyResult } from './store/manage.ts';
export type { Manifest, ModelStore, StoreEstimate } from './store/store.ts';
