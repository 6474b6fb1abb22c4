// What of the page is shown: the tab, and the side panel if it is open.
import { signal } from '@preact/signals';

export const TABS = ['chat', 'translate', 'moderate'] as const;
export type Tab = (typeof TABS)[number];

export const PANELS = ['models', 'storage', 'settings', 'statistics'] as const;
export type Panel = (typeof PANELS)[number];

export const tab = signal<Tab>(tabOf(globalThis.location?.hash ?? ''));
/** null: closed. */
export const panel = signal<Panel | null>(null);
/** Whether the list of conversations is open where there is no room for it beside them. */
export const listOpen = signal(false);

/** The tab is kept in the address, so that it can be linked to and the browser's back button leads back. */
export function showTab(next: Tab): void {
  tab.value = next;
  if (location.hash !== `#${next}`) location.hash = next;
}

export function followAddress(): void {
  addEventListener('hashchange', () => {
    tab.value = tabOf(location.hash);
  });
}

function tabOf(hash: string): Tab {
  return TABS.find((name) => `#${name}` === hash) ?? 'chat';
}
