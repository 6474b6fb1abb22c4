// The panel "Models".

export function ModelsPanel() {
  return null;
}
