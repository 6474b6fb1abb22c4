// The page's start.
import { render } from 'preact';
import { App } from './app.tsx';
import { startOffline } from './offline.ts';
import { modelStatus } from './state/model.ts';
import { restoreSettings } from './state/settings.ts';
import { followAddress } from './state/view.ts';

restoreSettings();
followAddress();
render(<App />, document.getElementById('app')!);
void startOffline(() => modelStatus.value.kind === 'none');
