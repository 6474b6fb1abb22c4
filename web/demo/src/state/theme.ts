// Light or dark, as the settings say; the style sheet itself follows the system where they say nothing.
import { effect } from '@preact/signals';
import { settings } from './settings.ts';

export function followTheme(): void {
  effect(() => {
    const { theme } = settings.value;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  });
}
