// Short messages at the bottom of the page that go by themselves, with one thing to do about them.
import { signal } from '@preact/signals';
import { Icon } from './icon.tsx';

interface Action {
  label: string;
  run: () => void;
}

interface Toast {
  id: number;
  text: string;
  action: Action | undefined;
}

const toasts = signal<Toast[]>([]);
let nextId = 1;

/** What can be acted on stays longer. */
const SECONDS = 4;
const SECONDS_WITH_ACTION = 10;

export function toast(text: string, action?: Action): void {
  const id = nextId++;
  // Two at most: a pile would hide the page.
  toasts.value = [...toasts.value.slice(-1), { id, text, action }];
  setTimeout(() => dismiss(id), 1000 * (action ? SECONDS_WITH_ACTION : SECONDS));
}

export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map(({ id, text, action }) => (
        <div class="toast" key={id}>
          <span>{text}</span>
          {action && (
            <button
              type="button"
              class="button small"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button
            type="button"
            class="icon-button"
            aria-label="Dismiss"
            onClick={() => dismiss(id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}
