// What an error means for the person in front of the page; the error's own message says the details.
import type { ErrorCode } from 'pipit';

const TITLES: { readonly [Code in ErrorCode]: string } = {
  invalid_argument: 'That cannot be done like this',
  not_found: 'There is no model at this address',
  io: 'The model could not be read',
  invalid_file: 'This is not a model that pipit can read',
  truncated: 'The file ends too early',
  unsupported: 'pipit cannot run this here',
  limit_exceeded: 'The file asks for more than is sensible',
  out_of_memory: 'There is not enough memory',
  context_full: 'The conversation has become too long for this model',
  cancelled: 'Stopped',
  worker_died: 'The model ended unexpectedly',
  quota_exceeded: 'There is not enough room to keep the model',
  network: 'The model could not be downloaded',
  internal: 'Something went wrong inside pipit',
};

export function problemTitle(code: ErrorCode): string {
  return TITLES[code];
}
