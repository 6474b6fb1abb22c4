// The settings, what they may be and what they are unless somebody sets them.

export interface Settings {
  theme: 'system' | 'light' | 'dark';
  systemPrompt: string;
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  repeatPenalty: number;
  /** -1: until the model stops. */
  maxTokens: number;
  /** null: another one for each answer. */
  seed: number | null;
  /** null: as many as suit the machine. */
  threads: number | null;
  kernels: string;
  kvType: 'auto' | 'int8' | 'f16' | 'f32';
  /** In tokens; 0: what the model was trained for. */
  nCtx: number;
  /** What a conversation does when the context is full: end, or forget its oldest part. */
  whenFull: 'stop' | 'slide';
}

export const DEFAULT_SETTINGS: Settings = {
  theme: 'system',
  systemPrompt: '',
  temperature: 0.2,
  topP: 0.9,
  topK: 40,
  minP: 0.05,
  repeatPenalty: 1.1,
  maxTokens: 1024,
  seed: null,
  threads: null,
  kernels: 'auto',
  kvType: 'auto',
  nCtx: 0,
  whenFull: 'slide',
};

interface NumberField {
  kind: 'number' | 'integer';
  min: number;
  max: number;
  /** Whether null ("automatic") is a value. */
  optional?: boolean;
}

type Field =
  NumberField | { kind: 'text'; maxLength: number } | { kind: 'choice'; of: readonly string[] };

export const FIELDS = {
  theme: { kind: 'choice', of: ['system', 'light', 'dark'] },
  systemPrompt: { kind: 'text', maxLength: 20_000 },
  temperature: { kind: 'number', min: 0, max: 2 },
  topP: { kind: 'number', min: 0, max: 1 },
  topK: { kind: 'integer', min: 0, max: 1000 },
  minP: { kind: 'number', min: 0, max: 1 },
  repeatPenalty: { kind: 'number', min: 0.5, max: 2 },
  maxTokens: { kind: 'integer', min: -1, max: 100_000 },
  seed: { kind: 'integer', min: 0, max: 2 ** 32 - 1, optional: true },
  threads: { kind: 'integer', min: 1, max: 64, optional: true },
  kernels: {
    kind: 'choice',
    of: ['auto', 'relaxed', 'relaxed-i16', 'relaxed-i32', 'simd128', 'xnnpack', 'reference'],
  },
  kvType: { kind: 'choice', of: ['auto', 'int8', 'f16', 'f32'] },
  nCtx: { kind: 'integer', min: 0, max: 131_072 },
  whenFull: { kind: 'choice', of: ['stop', 'slide'] },
} as const satisfies Record<keyof Settings, Field>;

/** Why `value` cannot be the setting `name`, as a sentence; null when it can. */
export function problemOf(name: keyof Settings, value: unknown): string | null {
  const field: Field = FIELDS[name];
  switch (field.kind) {
    case 'choice':
      return field.of.includes(value as string) ? null : `One of ${field.of.join(', ')}.`;
    case 'text':
      if (typeof value === 'string' && value.length <= field.maxLength) return null;
      return `A text of at most ${field.maxLength} characters.`;
    case 'number':
    case 'integer': {
      if (value === null && field.optional) return null;
      const isNumber = field.kind === 'integer' ? Number.isInteger(value) : Number.isFinite(value);
      if (isNumber && (value as number) >= field.min && (value as number) <= field.max) return null;
      const what = field.kind === 'integer' ? 'A whole number' : 'A number';
      return `${what} from ${field.min} to ${field.max}${field.optional ? ', or empty' : ''}.`;
    }
  }
}

/** Settings from what was stored, perhaps by another version: what cannot be a setting is left at its default. */
export function parseSettings(stored: unknown): Settings {
  const settings: Record<string, unknown> = { ...DEFAULT_SETTINGS };
  if (typeof stored === 'object' && stored !== null) {
    for (const name of Object.keys(FIELDS) as (keyof Settings)[]) {
      const value = (stored as Partial<Settings>)[name];
      if (value !== undefined && problemOf(name, value) === null) settings[name] = value;
    }
  }
  return settings as unknown as Settings;
}
