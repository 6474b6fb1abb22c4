// The panel "Models".

export function ModelsPanel() {
  return null;
}

export function ModelPicker() {
  return null;
}
