// A model that can be opened: what is known of it, how far its loading is, and what can be done with it.
import {
  type ModelStatus,
  type Progress,
  closeModel,
  modelStatus,
  openModel,
  openedUrl,
  pauseModel,
  remember,
  reopenModel,
} from '../state/model.ts';
import { type StoredModel, deleteStored, shownProgress, stored } from '../state/stored.ts';
import { bytes, duration, percent } from '../ui/format.ts';

interface CardProps {
  /** null: a file. */
  url: string | null;
  title: string;
  size?: number;
  licence?: string;
  sha256?: string;
}

interface View {
  heading: string;
  hint: string;
  /** The first button is the same element in every view: who works it by keyboard keeps the focus. */
  verb: string;
  isPrimary?: boolean;
  run: () => Promise<void>;
  /** Of a download or of what is opened. */
  progress?: Progress;
  /** Gives up a download. */
  cancel?: () => Promise<void>;
}

export function ModelCard(props: CardProps) {
  const { heading, hint, verb, isPrimary, run, progress, cancel } = viewOf(props);
  return (
    <li class={`card model-card ${progress ? 'loading' : ''}`}>
      <div>
        <h3>{heading}</h3>
        <p class="hint numbers">{hint}</p>
      </div>
      {progress && <Meter {...progress} />}
      <p class="load-actions">
        <button
          type="button"
          class={`button small ${isPrimary ? 'primary' : ''}`}
          onClick={() => void run()}
        >
          {verb}
          <span class="visually-hidden"> {props.title}</span>
        </button>
        {cancel && (
          <button type="button" class="button small" onClick={() => void cancel()}>
            Cancel
          </button>
        )}
      </p>
    </li>
  );
}

function viewOf({ url, title, size, licence, sha256 }: CardProps): View {
  const kept = stored.value.find((model) => model.url === url);
  const status = openedUrl.value === url ? modelStatus.value : { kind: 'none' as const };
  const facts = [
    status.kind === 'ready' && 'in use',
    size && bytes(size),
    licence,
    url === null ? 'a file of yours, not kept by this page' : stateOf(kept, status.kind),
  ];
  const hint = facts.filter(Boolean).join(' · ');
  switch (status.kind) {
    case 'loading': {
      const progress = shownProgress(url, status.progress);
      const isKept = url === null || kept?.complete;
      if (isKept && progress.downloaded === 0) {
        const heading = `Opening ${title}`;
        return { heading, hint: amount(progress), verb: 'Cancel', run: closeModel, progress };
      }
      return {
        heading: `Downloading ${title}`,
        hint: downloadText(progress, status.speed),
        verb: 'Pause',
        run: pauseModel,
        progress,
        cancel: cancelDownload,
      };
    }
    case 'paused':
      return {
        heading: `${title} is paused`,
        hint: `${amount(status.progress)}. What has arrived is kept on this device.`,
        verb: 'Resume',
        isPrimary: true,
        run: reopenModel,
        progress: status.progress,
        cancel: cancelDownload,
      };
    case 'ready':
      return { heading: title, hint, verb: 'Close', run: close };
    case 'none':
    case 'failed': {
      const open = () => openModel(title, url!, { expectedSha256: sha256 });
      return { heading: title, hint, verb: verbOf(kept), isPrimary: true, run: open };
    }
  }
}

function stateOf(kept: StoredModel | undefined, status: ModelStatus['kind']): string {
  if (kept?.complete) return 'on this device';
  if (status === 'ready') return 'not kept on this device';
  return kept ? `${percent(kept.storedBytes / kept.size)} downloaded` : 'not downloaded yet';
}

function verbOf(kept: StoredModel | undefined): string {
  if (!kept) return 'Download';
  return kept.complete ? 'Open' : 'Resume';
}

function amount({ loaded, total }: Progress): string {
  if (total === 0) return '';
  return `${bytes(loaded)} of ${bytes(total)} (${percent(loaded / total)})`;
}

function downloadText(progress: Progress, speed: number): string {
  const left = progress.total - progress.loaded;
  const parts = [amount(progress)];
  if (speed > 0 && left > 0) {
    parts.push(`${bytes(speed)}/s`, `${duration((1000 * left) / speed)} left`);
  } else if (left > 0 || progress.total === 0) {
    parts.push('waiting for the server');
  }
  return parts.filter(Boolean).join(' · ');
}

function Meter({ loaded, total }: Progress) {
  // Without a value the bar says that nobody knows how long it takes.
  return total > 0 ? (
    <progress class="meter" aria-label="Loaded" value={loaded} max={total} />
  ) : (
    <progress class="meter" aria-label="Loaded" />
  );
}

async function close(): Promise<void> {
  remember(null);
  await closeModel();
}

/** Gives up the room that the beginning of a download takes, too. */
async function cancelDownload(): Promise<void> {
  await closeModel();
  if (openedUrl.value) await deleteStored(openedUrl.value);
}
