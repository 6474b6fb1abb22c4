// PipitError: the one error type of pipit's TypeScript side, with the codes of include/pipit/status.h.

/** The names of PIPIT_STATUS_CODES in include/pipit/status.h, in the same order: the index is the Wasm status. */
export const STATUS_CODES = [
  'ok',
  'invalid_argument',
  'not_found',
  'io',
  'invalid_file',
  'truncated',
  'unsupported',
  'limit_exceeded',
  'out_of_memory',
  'context_full',
  'cancelled',
  'worker_died',
  'quota_exceeded',
  'network',
  'internal',
] as const;

export type ErrorCode = Exclude<(typeof STATUS_CODES)[number], 'ok'>;

/** What every failure of pipit is: a code to branch on and a message for people. */
export class PipitError extends Error {
  override readonly name = 'PipitError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** `error` itself when it is a PipitError, otherwise a PipitError of `code` caused by it. */
  static from(error: unknown, code: ErrorCode = 'internal', context = ''): PipitError {
    if (error instanceof PipitError) return error;
    return new PipitError(code, context + messageOf(error), error);
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error of an operation that its caller gave up; `reason` is the AbortSignal's, and itself the error if it is a PipitError. */
export function cancelledError(what: string, reason?: unknown): PipitError {
  if (reason instanceof PipitError) return reason;
  return new PipitError('cancelled', `${what} was cancelled.`, reason);
}

/** A PipitError as a structured-cloneable object. */
export interface WireError {
  code: ErrorCode;
  message: string;
  cause?: string;
}

export function toWire(error: PipitError): WireError {
  const { code, message, cause } = error;
  return cause === undefined ? { code, message } : { code, message, cause: messageOf(cause) };
}

export function fromWire(error: WireError): PipitError {
  return new PipitError(error.code, error.message, error.cause);
}
