// What the loaded model warns of: that it could not be stored, that it is slower here than elsewhere.
import { modelStats } from '../state/statistics.ts';
import { Notice } from '../ui/notice.tsx';

export function ModelWarnings() {
  return modelStats.value?.warnings.map((warning) => (
    <Notice kind="warning" key={warning}>
      {warning}
    </Notice>
  ));
}
