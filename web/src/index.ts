// What pipit exports in every environment; node/index.ts adds loadModel and inspectModel for Node.
export { type ChatOptions, type LoadOptions, LanguageModel } from './client.ts';
export { type ErrorCode, PipitError } from './errors.ts';
export type { CallOptions, GenerateOptions } from './options.ts';
export type {
  ChatMessage,
  GenerateResult,
  LogitsChunk,
  ModelDescription,
  KvType,
  ModelInfo,
  ModelStats,
  Piece,
  StopReason,
} from './protocol.ts';
export { GenerationStream } from './stream.ts';
