// Keeps the focus in the page where what had it goes away.
import { useEffect } from 'preact/hooks';

/** When `isOpen` has ended, or its component has gone, `target` tells what gets the focus. */
export function useFocusBack(isOpen: boolean, target: () => HTMLElement | null): void {
  useEffect(() => (isOpen ? () => target()?.focus() : undefined), [isOpen]);
}
