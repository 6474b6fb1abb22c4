// Keeps the end of what grows in view, unless the reader has scrolled away from it.
import { type Signal, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** How near to its end, in pixels, counts as there. */
const NEAR = 48;

interface Autoscroll {
  /** For the element that scrolls. */
  frame: RefObject<HTMLDivElement | null>;
  /** For what grows inside of it. */
  content: RefObject<HTMLDivElement | null>;
  /** Whether the end is in view. */
  atEnd: Signal<boolean>;
  toEnd: () => void;
}

export function useAutoscroll(): Autoscroll {
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const atEnd = useSignal(true);
  const toEnd = (): void => {
    atEnd.value = true;
    frame.current!.scrollTop = frame.current!.scrollHeight;
  };

  useEffect(() => {
    toEnd();
    const element = frame.current!;
    let lastTop = element.scrollTop;
    const onScroll = (): void => {
      const { scrollTop, scrollHeight, clientHeight } = element;
      if (scrollHeight - scrollTop - clientHeight < NEAR) atEnd.value = true;
      // The end also gets farther away by what has grown; only a reader goes back.
      else if (scrollTop < lastTop) atEnd.value = false;
      lastTop = scrollTop;
    };
    const growth = new ResizeObserver(() => {
      if (atEnd.value) element.scrollTop = element.scrollHeight;
    });
    growth.observe(content.current!);
    growth.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      growth.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, []);

  return { frame, content, atEnd, toEnd };
}
