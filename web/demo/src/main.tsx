// The page's start.
import { render } from 'preact';
import { App } from './app.tsx';
import { startOffline } from './offline.ts';
import { followDrops } from './models/picker.tsx';
import { modelStatus, restoreModel } from './state/model.ts';
import { restoreSettings } from './state/settings.ts';
import { followModel } from './state/stored.ts';
import { followAddress } from './state/view.ts';

restoreSettings();
followAddress();
followDrops();
render(<App />, document.getElementById('app')!);
followModel();
void restoreModel();
void startOffline(() => modelStatus.value.kind === 'none');
