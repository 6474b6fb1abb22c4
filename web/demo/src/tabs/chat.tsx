// The tab "Chat".

export function ChatTab() {
  return null;
}
