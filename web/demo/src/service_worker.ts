// Makes the page work without a network, and isolated where its host does not send the headers for it: keeps every file
// of the page by its content and answers from there. Models are no business of its; pipit keeps them in IndexedDB.

/** Every file of the page: its path in the folder, "" for the page itself, and its hash as fetch() takes it. */
declare const FILES: Record<string, string>; // put in by tools/build-demo.mjs

/** What is used of a ServiceWorkerGlobalScope, which TypeScript's DOM types do not have. */
interface WorkerScope {
  registration: ServiceWorkerRegistration;
  clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: true }): Promise<{ url: string }[]>;
  };
  skipWaiting(): Promise<void>;
  oninstall: (event: LifecycleEvent) => void;
  onactivate: (event: LifecycleEvent) => void;
  onmessage: (event: LifecycleEvent) => void;
  onfetch: (event: FetchEvent) => void;
}

interface LifecycleEvent {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent {
  request: Request;
  respondWith(response: Promise<Response>): void;
}

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const scope = globalThis as unknown as WorkerScope;
const folder = scope.registration.scope;
// An origin may hold several such folders, and they share its caches.
const cacheName = `pipit ${folder}`;

/** What a file is kept as: a new version of it is another key, so that two versions never mix. */
function keyOf(path: string): string {
  return `${folder}${path}?${FILES[path]}`;
}

// All or nothing, and what the version before had already is not fetched again.
scope.oninstall = (event) => event.waitUntil(Promise.all(Object.keys(FILES).map(keep)));

async function keep(path: string): Promise<void> {
  const cache = await caches.open(cacheName);
  const key = keyOf(path);
  if (await cache.match(key)) return;
  // The hash refuses a file of another version, which a host may give out while it is being updated.
  const response = await fetch(folder + path, { cache: 'no-cache', integrity: FILES[path]! });
  if (!response.ok) throw new Error(`${path} cannot be kept: status ${response.status}.`);
  await cache.put(key, isolated(response));
}

scope.onactivate = (event) => event.waitUntil(removeOthers());

async function removeOthers(): Promise<void> {
  const cache = await caches.open(cacheName);
  const wanted = new Set(Object.keys(FILES).map(keyOf));
  for (const request of await cache.keys()) {
    if (!wanted.has(request.url)) await cache.delete(request);
  }
}

// The one message there is: a page that has just begun would rather have this version. Another page may be in the middle
// of something that it began with files of the version before.
scope.onmessage = (event) => event.waitUntil(takeOver());

async function takeOver(): Promise<void> {
  const pages = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (pages.filter(({ url }) => url.startsWith(folder)).length < 2) await scope.skipWaiting();
}

scope.onfetch = (event) => {
  const path = pathOf(event.request);
  if (path !== undefined) event.respondWith(answer(event.request, path));
};

/** Which of FILES is asked for; undefined: none. */
function pathOf({ method, url }: Request): string | undefined {
  const { origin, pathname } = new URL(url);
  const address = origin + pathname;
  if (method !== 'GET' || !address.startsWith(folder)) return undefined;
  const path = address.slice(folder.length).replace(/^index\.html$/, '');
  return Object.hasOwn(FILES, path) ? path : undefined;
}

async function answer(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(keyOf(path))) ?? isolated(await fetch(request));
}

/** The same response with the headers of isolation. A copy also forgets that it was redirected, which a page must not be. */
function isolated({ body, status, statusText, headers: given }: Response): Response {
  const headers = new Headers(given);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  return new Response(body, { status, statusText, headers });
}
