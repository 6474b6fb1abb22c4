// Split models: files named NAME-00001-of-00003.gguf and so on, which belong together.

const SPLIT_NAME = /-(\d{5})-of-(\d{5})(?=\.gguf$)/i;

/** The names of all files of the split model that `path` (a path, or a URL's) is one of; otherwise itself alone. */
export function splitPaths(path: string): string[] {
  const count = Number(SPLIT_NAME.exec(path)?.[2] ?? 0);
  if (count === 0) return [path];
  return Array.from({ length: count }, (_, i) => {
    const number = String(i + 1).padStart(5, '0');
    return path.replace(SPLIT_NAME, (_, __, total: string) => `-${number}-of-${total}`);
  });
}

/** The same for URLs, whose queries and fragments stay. */
export function splitUrls(url: URL): string[] {
  return splitPaths(url.pathname).map((pathname) => {
    const part = new URL(url);
    part.pathname = pathname;
    return part.href;
  });
}
