// The page's start.
import { render } from 'preact';
import { App } from './app.tsx';
import { saveAnswers, stopAnswer } from './chat/answers.ts';
import { endSession } from './chat/sessions.ts';
import { followDrops } from './models/picker.tsx';
import { startOffline } from './offline.ts';
import { startConversations } from './state/conversations.ts';
import { modelStatus, restoreModel } from './state/model.ts';
import { followLoads } from './state/reload.ts';
import { restoreSettings } from './state/settings.ts';
import { followStatistics } from './state/statistics.ts';
import { followModel } from './state/stored.ts';
import { followTheme } from './state/theme.ts';
import { followAddress } from './state/view.ts';

restoreSettings();
followTheme();
followAddress();
followLoads();
followDrops();
followStatistics();
void startConversations((gone) => {
  stopAnswer(gone);
  endSession(gone);
});
addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') saveAnswers();
});
render(<App />, document.getElementById('app')!);
followModel();
void restoreModel();
void startOffline(() => modelStatus.value.kind === 'none');
