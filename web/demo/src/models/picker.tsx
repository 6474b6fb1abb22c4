// Where a model is chosen: from the catalogue and what is stored, from a file, or from an address.
import { useId, useRef, useState } from 'preact/hooks';
import { CATALOG, titleOf } from '../state/catalog.ts';
import { closeModel, modelStatus, openModel, openedUrl, remember } from '../state/model.ts';
import { type StoredModel, stored } from '../state/stored.ts';
import { bytes, percent } from '../ui/format.ts';
import { Icon } from '../ui/icon.tsx';
import { LoadStatus } from './load_status.tsx';

export function ModelPicker() {
  const status = modelStatus.value;
  const others = stored.value.filter(({ url }) => !CATALOG.some((model) => model.url === url));
  return (
    <div class="picker">
      <LoadStatus />
      <ul class="model-list">
        {status.kind === 'ready' && openedUrl.value === null && (
          <li class="card model-card">
            <div>
              <h3>{status.title}</h3>
              <p class="hint">a file of yours, not kept by this page</p>
            </div>
            <CloseButton title={status.title} />
          </li>
        )}
        {CATALOG.map(({ url, title, bytes, licence, sha256 }) => (
          <ModelCard key={url} {...{ url, title, size: bytes, licence, sha256 }} />
        ))}
        {others.map(({ url, size }) => (
          <ModelCard key={url} {...{ url, title: titleOf(url), size }} />
        ))}
      </ul>
      <FileField />
      <AddressField />
    </div>
  );
}

interface CardProps {
  url: string;
  title: string;
  size: number;
  licence?: string;
  sha256?: string;
}

function ModelCard({ url, title, size, licence, sha256 }: CardProps) {
  const kept = stored.value.find((model) => model.url === url);
  const { kind } = modelStatus.value;
  const isOpened = openedUrl.value === url;
  const open = (): void => void openModel(title, url, { expectedSha256: sha256 });
  return (
    <li class="card model-card">
      <div>
        <h3>{title}</h3>
        <p class="hint">
          {[isOpened && kind === 'ready' && 'in use', bytes(size), licence, stateOf(kept)]
            .filter(Boolean)
            .join(' · ')}
        </p>
      </div>
      {isOpened && kind === 'ready' ? (
        <CloseButton title={title} />
      ) : (
        <button
          type="button"
          class="button small primary"
          disabled={isOpened && (kind === 'loading' || kind === 'paused')}
          onClick={open}
        >
          {verbOf(kept)}
          <span class="visually-hidden"> {title}</span>
        </button>
      )}
    </li>
  );
}

function CloseButton({ title }: { title: string }) {
  const close = (): void => {
    remember(null);
    void closeModel();
  };
  return (
    <button type="button" class="button small" onClick={close}>
      Close
      <span class="visually-hidden"> {title}</span>
    </button>
  );
}

function stateOf(kept: StoredModel | undefined): string {
  if (!kept) return 'not downloaded yet';
  return kept.complete ? 'on this device' : `${percent(kept.storedBytes / kept.size)} downloaded`;
}

function verbOf(kept: StoredModel | undefined): string {
  if (!kept) return 'Download';
  return kept.complete ? 'Open' : 'Resume';
}

function FileField() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="file-field">
      <button type="button" class="button small" onClick={() => input.current!.click()}>
        <Icon name="upload" />
        Open a GGUF file
      </button>
      <span class="hint">or drop it anywhere on this page</span>
      <input
        ref={input}
        type="file"
        accept=".gguf"
        hidden
        onChange={({ currentTarget }) => {
          openFile(currentTarget.files?.[0]);
          currentTarget.value = '';
        }}
      />
    </div>
  );
}

function AddressField() {
  const id = useId();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    const url = URL.parse(text.trim(), document.baseURI);
    if (!text.trim() || !url?.protocol.startsWith('http')) {
      setProblem('That is no web address. It begins with https:// and leads to a .gguf file.');
      return;
    }
    setProblem('');
    void openModel(titleOf(url.href), url.href);
  };
  return (
    <form class="field" onSubmit={submit} noValidate>
      <label for={id}>From an address</label>
      <div class="address-field">
        <input
          id={id}
          class="input"
          type="url"
          placeholder="https://…/model.gguf"
          value={text}
          aria-invalid={problem !== ''}
          aria-describedby={`${id}-problem`}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <button type="submit" class="button">
          Open
        </button>
      </div>
      <p class="problem" id={`${id}-problem`} role="alert">
        {problem}
      </p>
    </form>
  );
}

function openFile(file: File | undefined): void {
  if (file) void openModel(file.name, file);
}

/** Opens a model file that is dropped anywhere on the page; without this the browser would leave the page for it. */
export function followDrops(): void {
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    openFile(event.dataTransfer.files[0]);
  });
}
