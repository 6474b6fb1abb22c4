// Why a model could not be loaded, and what can be done.
import type { ErrorCode } from 'pipit';
import { closeModel, modelStatus, reopenModel } from '../state/model.ts';
import { problemTitle } from '../state/problems.ts';
import { Notice } from '../ui/notice.tsx';

export function LoadFailure() {
  const status = modelStatus.value;
  if (status.kind !== 'failed') return null;
  const { title, error } = status;
  const retry = { label: 'Try again', run: () => void reopenModel() };
  const dismiss = { label: 'Dismiss', run: () => void closeModel() };
  return (
    <Notice
      kind="error"
      title={`${title}: ${problemTitle(error.code)}`}
      actions={isHopeless(error.code) ? [dismiss] : [retry, dismiss]}
    >
      {error.message}
    </Notice>
  );
}

/** Whether the same again would end the same. */
function isHopeless(code: ErrorCode): boolean {
  return code === 'invalid_file' || code === 'unsupported' || code === 'limit_exceeded';
}
