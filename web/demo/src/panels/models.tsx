// The panel "Models": the choice of one.
import { ModelWarnings } from '../models/model_warnings.tsx';
import { ModelPicker } from '../models/picker.tsx';

export function ModelsPanel() {
  return (
    <>
      <p class="hint">A model runs on this device, and what you write to it stays here.</p>
      <ModelWarnings />
      <ModelPicker />
    </>
  );
}
