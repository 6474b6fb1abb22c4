// How far the loading of a model is, what went wrong with it, and what can be done.
import type { ErrorCode } from 'pipit';
import type { ComponentChildren } from 'preact';
import {
  type ModelStatus,
  closeModel,
  modelStatus,
  openedUrl,
  pauseModel,
  reopenModel,
} from '../state/model.ts';
import { problemTitle } from '../state/problems.ts';
import { deleteStored } from '../state/stored.ts';
import { bytes, duration, percent } from '../ui/format.ts';
import { Notice } from '../ui/notice.tsx';

export function LoadStatus() {
  const status = modelStatus.value;
  switch (status.kind) {
    case 'loading':
      return <Loading {...status} />;
    case 'paused':
      return <Paused {...status} />;
    case 'failed':
      return <Failed {...status} />;
    case 'none':
    case 'ready':
      return null;
  }
}

type Of<Kind extends ModelStatus['kind']> = Extract<ModelStatus, { kind: Kind }>;

interface LoadCardProps {
  heading: string;
  progress: Of<'paused'>['progress'];
  hint: string;
  children: ComponentChildren;
}

function Loading({ title, progress, speed }: Of<'loading'>) {
  const isDownload = progress.downloaded > 0;
  const left = progress.total - progress.loaded;
  const parts = [amount(progress)];
  if (isDownload && speed > 0 && left > 0) {
    parts.push(`${bytes(speed)}/s`, `${duration((1000 * left) / speed)} left`);
  }
  return (
    <LoadCard
      heading={isDownload ? `Downloading ${title}` : `Opening ${title}`}
      progress={progress}
      hint={parts.join(' · ')}
    >
      {isDownload && openedUrl.value && (
        <button type="button" class="button small" onClick={() => void pauseModel()}>
          Pause
        </button>
      )}
    </LoadCard>
  );
}

function Paused({ title, progress }: Of<'paused'>) {
  return (
    <LoadCard
      heading={`${title} is paused`}
      progress={progress}
      hint={`${amount(progress)}. What has arrived is kept on this device.`}
    >
      <button type="button" class="button small primary" onClick={() => void reopenModel()}>
        Resume
      </button>
    </LoadCard>
  );
}

/** `children`: a button before the one that cancels. */
function LoadCard({ heading, progress, hint, children }: LoadCardProps) {
  return (
    <div class="card load-status">
      <h3>{heading}</h3>
      <Meter {...progress} />
      <p class="hint numbers">{hint}</p>
      <p class="load-actions">
        {children}
        <button type="button" class="button small" onClick={() => void cancel()}>
          Cancel
        </button>
      </p>
    </div>
  );
}

function Failed({ title, error }: Of<'failed'>) {
  const retry = { label: 'Try again', run: () => void reopenModel() };
  const dismiss = { label: 'Dismiss', run: () => void closeModel() };
  const unkept = {
    label: 'Load without keeping it',
    run: () => void reopenModel({ store: 'none' }),
  };
  const isRoom = error.code === 'quota_exceeded';
  return (
    <Notice
      kind="error"
      title={`${title}: ${problemTitle(error.code)}`}
      actions={[...(isRoom ? [unkept] : []), ...(isHopeless(error.code) ? [] : [retry]), dismiss]}
    >
      {error.message}
    </Notice>
  );
}

/** Whether the same again would end the same. */
function isHopeless(code: ErrorCode): boolean {
  return code === 'invalid_file' || code === 'unsupported' || code === 'limit_exceeded';
}

function Meter({ loaded, total }: { loaded: number; total: number }) {
  // Without a value the bar says that nobody knows how long it takes.
  return total > 0 ? (
    <progress class="meter" aria-label="Loaded" value={loaded} max={total} />
  ) : (
    <progress class="meter" aria-label="Loaded" />
  );
}

function amount({ loaded, total }: { loaded: number; total: number }): string {
  if (total === 0) return bytes(loaded);
  return `${bytes(loaded)} of ${bytes(total)} (${percent(loaded / total)})`;
}

/** Gives up a download, and the room that its beginning takes. */
async function cancel(): Promise<void> {
  const status = modelStatus.peek();
  const isPartial =
    status.kind === 'paused' || (status.kind === 'loading' && status.progress.downloaded > 0);
  await closeModel();
  if (isPartial && openedUrl.value) await deleteStored(openedUrl.value);
}
