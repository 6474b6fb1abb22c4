// The tab "Translate".

export function TranslateTab() {
  return null;
}
