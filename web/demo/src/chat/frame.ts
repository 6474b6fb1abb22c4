// Work that follows something that changes quickly, once a drawn frame at most and never for most of the time.

/** Of the main thread's time at most one part in this many goes into the work. */
const SHARE = 4;

/** Answers a function that asks for `work` to be run soon; asking again before it runs changes nothing. */
export function oncePerFrame(work: () => void): { ask: () => void; cancel: () => void } {
  let frame: number | undefined;
  let notBefore = 0;
  const run = (now: number): void => {
    if (now < notBefore) {
      frame = requestAnimationFrame(run);
      return;
    }
    frame = undefined;
    const start = performance.now();
    work();
    const end = performance.now();
    notBefore = end + (SHARE - 1) * (end - start);
  };
  return {
    ask: () => {
      frame ??= requestAnimationFrame(run);
    },
    cancel: () => {
      if (frame !== undefined) cancelAnimationFrame(frame);
      frame = undefined;
    },
  };
}
