// What went wrong with an answer, in plain words, and what a person can do about it.
import type { PipitError } from 'pipit';

export type Remedy = 'retry' | 'reload' | 'new' | 'models' | 'settings';

export interface Problem {
  title: string;
  text: string;
  remedies: readonly Remedy[];
}

export function explain({ code, message }: PipitError): Problem {
  switch (code) {
    case 'context_full':
      return {
        title: 'This conversation has become too long for the model',
        text: `It can keep only so much in mind at once. Start a new conversation, edit an earlier message, or allow a larger context in the settings. (${message})`,
        remedies: ['new', 'settings'],
      };
    case 'out_of_memory':
      return {
        title: 'There is not enough memory',
        text: `A smaller context or a smaller model needs less; closing other tabs may help too. (${message})`,
        remedies: ['retry', 'settings', 'models'],
      };
    case 'worker_died':
      return {
        title: 'The model has stopped working',
        text: `The browser ended it, perhaps because memory was short. What was written is kept. (${message})`,
        remedies: ['reload'],
      };
    case 'cancelled':
      return {
        title: 'The model was closed while it answered',
        text: 'What it had written is kept.',
        remedies: ['models', 'retry'],
      };
    case 'invalid_argument':
      return {
        title: 'The model cannot be asked like this',
        text: message,
        remedies: ['settings', 'retry'],
      };
    default:
      return { title: 'The answer failed', text: message, remedies: ['retry'] };
  }
}
