// Where a model is chosen: from the catalogue and what is stored, from a file, or from an address.
import { useId, useRef, useState } from 'preact/hooks';
import { CATALOG, titleOf } from '../state/catalog.ts';
import { modelStatus, openModel, openedUrl } from '../state/model.ts';
import { stored } from '../state/stored.ts';
import { Icon } from '../ui/icon.tsx';
import { LoadFailure } from './load_failure.tsx';
import { ModelCard } from './model_card.tsx';

export function ModelPicker() {
  const { value: status } = modelStatus;
  const { value: opened } = openedUrl;
  const listed = [
    ...CATALOG.map(({ url, title, bytes, licence, sha256 }) => ({
      ...{ url, title, size: bytes, licence, sha256 },
    })),
    ...stored.value
      .filter(({ url }) => !CATALOG.some((model) => model.url === url))
      .map(({ url, size }) => ({ url, title: titleOf(url), size })),
  ];
  const isUnlisted = 'title' in status && listed.every(({ url }) => url !== opened);
  return (
    <div class="picker">
      <LoadFailure />
      <ul class="model-list">
        {isUnlisted && status.kind !== 'failed' && (
          <ModelCard key={opened} url={opened} title={status.title} />
        )}
        {listed.map((model) => (
          <ModelCard key={model.url} {...model} />
        ))}
      </ul>
      <FileField />
      <AddressField />
    </div>
  );
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
