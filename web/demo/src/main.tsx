// The page's start.
import { render } from 'preact';
import { App } from './app.tsx';
import { saveAnswers, stopAnswer } from './chat/answers.ts';
import { endSession } from './chat/sessions.ts';
import { startConversations } from './state/conversations.ts';
import { followLoads } from './state/reload.ts';
import { restoreSettings } from './state/settings.ts';
import { followStatistics } from './state/statistics.ts';
import { followTheme } from './state/theme.ts';
import { followAddress } from './state/view.ts';

restoreSettings();
followTheme();
followAddress();
followLoads();
followStatistics();
void startConversations((gone) => {
  stopAnswer(gone);
  endSession(gone);
});
addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') saveAnswers();
});
render(<App />, document.getElementById('app')!);
