// The panel "Storage": what is kept on this device, how much room is left, and what can be done about both.
import { useEffect, useRef, useState } from 'preact/hooks';
import { PipitError, requestPersistence, verifyModel } from 'pipit';
import { titleOf } from '../state/catalog.ts';
import { problemTitle } from '../state/problems.ts';
import {
  type StoredModel,
  deleteStored,
  refreshStored,
  room,
  storageProblem,
  stored,
} from '../state/stored.ts';
import { bytes, count, percent } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';
import { toast } from '../ui/toast.tsx';
import { useFocusBack } from '../ui/use_focus_back.ts';

const dates = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

export function StoragePanel() {
  useEffect(() => void refreshStored(), []);
  if (storageProblem.value) {
    return (
      <Notice kind="warning" title="Nothing can be kept in this window">
        Models are loaded all the same, and gone when the page is closed. {storageProblem.value}
      </Notice>
    );
  }
  return (
    <div class="storage">
      <RoomLeft />
      <h3 id={MODELS} tabIndex={-1}>
        Models
      </h3>
      {stored.value.length === 0 && <p class="hint">None is kept on this device.</p>}
      <ul class="model-list">
        {stored.value.map((model) => (
          <StoredCard key={model.url} model={model} />
        ))}
      </ul>
    </div>
  );
}

const MODELS = 'storage-models';

/** The browser need not say. */
const NO_ROOM_KNOWN = { usage: 0, quota: 0, persisted: false };

function RoomLeft() {
  const { usage, quota, persisted } = room.value ?? NO_ROOM_KNOWN;
  /** Some browsers ask the reader, who may leave the question open. */
  const [isAsked, setIsAsked] = useState(false);
  if (quota === 0) return null;
  const persist = async (): Promise<void> => {
    setIsAsked(true);
    const isGranted = await requestPersistence();
    setIsAsked(false);
    await refreshStored();
    if (!isGranted) {
      toast('The browser did not agree. It does so for sites that are used often or bookmarked.');
    }
  };
  return (
    <div class="card room">
      <progress class="meter" aria-label="Room in use" value={usage} max={quota} />
      <p class="hint numbers">
        {bytes(usage)} of {bytes(quota)} in use, {bytes(Math.max(0, quota - usage))} left
      </p>
      {persisted ? (
        <p class="hint">Persistent: the browser keeps it until you delete it.</p>
      ) : (
        <>
          <p class="hint" role="status">
            {isAsked
              ? 'Waiting for the browser, which may ask you at the top of its window.'
              : 'The browser may delete it when the device runs out of room.'}
          </p>
          <button type="button" class="button small" onClick={() => void persist()}>
            Make persistent
          </button>
        </>
      )}
    </div>
  );
}

type Check =
  | { kind: 'none' }
  | { kind: 'asking' }
  | { kind: 'verifying'; done: number; total: number }
  | { kind: 'good' }
  | { kind: 'bad'; title: string; message: string };

function StoredCard({
  model: { url, size, storedBytes, complete, lastUsed },
}: {
  model: StoredModel;
}) {
  const [check, setCheck] = useState<Check>({ kind: 'none' });
  const title = titleOf(url);
  const remove = useRef<HTMLButtonElement>(null);
  useFocusBack(check.kind === 'asking', () => remove.current ?? document.getElementById(MODELS));
  const verify = async (): Promise<void> => {
    setCheck({ kind: 'verifying', done: 0, total: size });
    try {
      const { ok, badChunks } = await verifyModel(url, {
        onProgress: ({ loaded, total }) => setCheck({ kind: 'verifying', done: loaded, total }),
      });
      setCheck(ok ? { kind: 'good' } : damaged(badChunks.length));
    } catch (error) {
      const { code, message } = PipitError.from(error);
      setCheck({ kind: 'bad', title: problemTitle(code), message });
    }
  };
  return (
    <li class="card stored-card">
      <div>
        <h3>{title}</h3>
        <p class="hint address">{url}</p>
        <p class="hint">
          {complete ? bytes(size) : `${bytes(storedBytes)} of ${bytes(size)}`}
          {lastUsed > 0 && `, used ${dates.format(lastUsed)}`}
        </p>
      </div>
      {check.kind === 'asking' ? (
        <Question title={title} url={url} onNo={() => setCheck({ kind: 'none' })} />
      ) : (
        <p class="load-actions">
          {complete && (
            <button
              type="button"
              class="button small"
              disabled={check.kind === 'verifying'}
              onClick={() => void verify()}
            >
              Verify<span class="visually-hidden"> {title}</span>
            </button>
          )}
          <button
            ref={remove}
            type="button"
            class="button small danger"
            onClick={() => setCheck({ kind: 'asking' })}
          >
            Delete<span class="visually-hidden"> {title}</span>
          </button>
        </p>
      )}
      <div role="status">
        {check.kind === 'verifying' && (
          <p class="hint numbers">Reading it: {percent(check.done / check.total)}</p>
        )}
        {check.kind === 'good' && <p class="hint">Every byte is as it was downloaded.</p>}
        {check.kind === 'bad' && (
          <Notice kind="warning" title={check.title}>
            {check.message}
          </Notice>
        )}
      </div>
    </li>
  );
}

function Question({ title, url, onNo }: { title: string; url: string; onNo: () => void }) {
  const no = useRef<HTMLButtonElement>(null);
  // The button that asked is gone, and the focus with it.
  useEffect(() => no.current!.focus(), []);
  return (
    <div role="group" aria-label={`Delete ${title}?`}>
      <p>Delete it from this device? It has to be downloaded again to be used.</p>
      <p class="load-actions">
        <button type="button" class="button small danger" onClick={() => void deleteStored(url)}>
          Delete
        </button>
        <button ref={no} type="button" class="button small" onClick={onNo}>
          Keep
        </button>
      </p>
    </div>
  );
}

function damaged(parts: number): Check {
  return {
    kind: 'bad',
    title: `${count(parts, 'part')} of it ${parts === 1 ? 'is' : 'are'} damaged`,
    message: 'Only that is downloaded again when the model is next opened.',
  };
}
