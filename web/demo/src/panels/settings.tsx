// The panel "Settings".

export function SettingsPanel() {
  return null;
}
