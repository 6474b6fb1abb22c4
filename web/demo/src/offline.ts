// Registers the service worker, and reloads the page where that makes it isolated or brings a new version of it.

const RELOADED = 'pipit: reloaded to be isolated';

/**
 * Where there are no service workers (some private windows, plain http) the page works as it is: only with a network, and
 * on one thread unless its host isolates it. `mayReload` says whether a reload takes nothing away from the reader.
 */
export async function startOffline(mayReload: () => boolean): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  const { serviceWorker } = navigator;
  try {
    const { waiting } = await serviceWorker.register('service_worker.js', {
      updateViaCache: 'none',
    });
    // A version that was found during an earlier visit. It takes over if this is the only page, which has just begun.
    serviceWorker.oncontrollerchange = () => location.reload();
    waiting?.postMessage('take over');
    if (globalThis.crossOriginIsolated) {
      sessionStorage.removeItem(RELOADED);
      return;
    }
    await serviceWorker.ready;
    // A page that was reloaded and still is not isolated will never be, so it is not reloaded again.
    if (sessionStorage.getItem(RELOADED) !== null || !mayReload()) return;
    sessionStorage.setItem(RELOADED, 'yes');
    location.reload();
  } catch {
    // Blocked by the reader's settings.
  }
}
