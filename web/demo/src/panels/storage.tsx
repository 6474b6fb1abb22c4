// The panel "Storage".

export function StoragePanel() {
  return null;
}
