// The tab "Moderate".

export function ModerateTab() {
  return null;
}
