// A notice inside the page: what is the matter, and what can be done.
import type { ComponentChildren } from 'preact';

interface NoticeProps {
  kind: 'info' | 'warning' | 'error';
  title?: string;
  children: ComponentChildren;
  actions?: readonly { label: string; run: () => void }[];
}

export function Notice({ kind, title, children, actions = [] }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : undefined}>
      {title && <p class="notice-title">{title}</p>}
      <div>{children}</div>
      {actions.length > 0 && (
        <p class="notice-actions">
          {actions.map(({ label, run }) => (
            <button type="button" class="button small" key={label} onClick={run}>
              {label}
            </button>
          ))}
        </p>
      )}
    </div>
  );
}
