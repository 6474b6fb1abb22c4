// The models that the page offers: those of models/catalog.json that pipit can chat with.

interface CatalogModel {
  id: string;
  title: string;
  url: string;
  bytes: number;
  sha256: string;
  licence: string;
}

/** An address may be relative to the page. */
declare const MODELS: CatalogModel[]; // put in by tools/build-demo.mjs

export const CATALOG: readonly CatalogModel[] = MODELS.map((model) => ({
  ...model,
  url: new URL(model.url, document.baseURI).href,
}));

/** What people read in place of an address: the catalogue's title, or the file's name. */
export function titleOf(url: string): string {
  const known = CATALOG.find((model) => model.url === url);
  return known?.title ?? decodeURIComponent(new URL(url).pathname.split('/').at(-1) || url);
}
