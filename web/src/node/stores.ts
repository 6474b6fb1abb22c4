// The stores that Node has by name.
import { invalid } from '../check.ts';
import type { StoreChoice } from '../protocol.ts';
import { FilesStore } from '../store/files.ts';
import { RemoteStore } from '../store/remote.ts';
import type { ModelStore } from '../store/store.ts';

export function openStore(choice: StoreChoice): ModelStore | undefined {
  if (typeof choice === 'object') return new RemoteStore(choice);
  switch (choice) {
    case 'files':
      return new FilesStore();
    case 'none':
      return undefined;
    default:
      throw invalid(`The store '${choice}' is a browser's; Node has 'files'.`);
  }
}
