// What pipit exports in every environment; node/index.ts adds loadModel and inspectModel for Node.
export { type ChatOptions, type LoadOptions, LanguageModel, type ModelFiles } from './client.ts';
export { type ErrorCode, PipitError } from './errors.ts';
export type { CallOptions, GenerateOptions } from './options.ts';
export type {
  ChatMessage,
  GenerateResult,
  LogitsChunk,
  ModelDescription,
  KvType,
  LoadProgress,
  ModelInfo,
  ModelStats,
  Piece,
  StopReason,
} from './protocol.ts';
export { GenerationStream } from './stream.ts';
export type { StoreOption } from './store/choice.ts';
export type { StorageEstimate } from './store/estimate.ts';
export type { StoreOptions, StoredModel, VerifyOptions, VerifyResult } from './store/manage.ts';
export type { Manifest, ModelStore, StoreEstimate } from './store/store.ts';
