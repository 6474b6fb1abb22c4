// The stores that a browser has by name.
import { invalid } from '../check.ts';
import type { StoreChoice } from '../protocol.ts';
import { IndexedDbStore } from '../store/indexeddb.ts';
import { OpfsStore } from '../store/opfs.ts';
import { RemoteStore } from '../store/remote.ts';
import type { ModelStore } from '../store/store.ts';

export function openStore(choice: StoreChoice): ModelStore | undefined {
  if (typeof choice === 'object') return new RemoteStore(choice);
  switch (choice) {
    case 'indexeddb':
      return new IndexedDbStore();
    case 'opfs':
      return new OpfsStore();
    case 'files':
      throw invalid("The store 'files' is Node's; a browser has 'indexeddb' and 'opfs'.");
    case 'none':
      return undefined;
  }
}
