// Registers the service worker, and reloads the page once where only that makes it isolated.

const RELOADED = 'pipit: reloaded to be isolated';

/**
 * Where there are no service workers (some private windows, plain http) the page works as it is: only with a network, and
 * on one thread unless its host isolates it. `mayReload` says whether a reload takes nothing away from the reader.
 */
export async function startOffline(mayReload: () => boolean): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('service_worker.js', { updateViaCache: 'none' });
    if (globalThis.crossOriginIsolated) {
      sessionStorage.removeItem(RELOADED);
      return;
    }
    await navigator.serviceWorker.ready;
    // A page that was reloaded and still is not isolated will never be, so it is not reloaded again.
    if (sessionStorage.getItem(RELOADED) !== null || !mayReload()) return;
    sessionStorage.setItem(RELOADED, 'yes');
    location.reload();
  } catch {
    // Blocked by the reader's settings.
  }
}
