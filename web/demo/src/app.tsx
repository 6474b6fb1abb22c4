// The shell of the page: header with the tabs, the chosen tab, and the side panel.
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { ModelsPanel } from './panels/models.tsx';
import { SettingsPanel } from './panels/settings.tsx';
import { StatisticsPanel } from './panels/statistics.tsx';
import { StoragePanel } from './panels/storage.tsx';
import { type ModelStatus, modelStatus, openedUrl } from './state/model.ts';
import { shownProgress } from './state/stored.ts';
import { PANELS, type Panel, TABS, type Tab, panel, showTab, tab } from './state/view.ts';
import { ChatTab } from './tabs/chat.tsx';
import { ModerateTab } from './tabs/moderate.tsx';
import { TranslateTab } from './tabs/translate.tsx';
import { Icon, type IconName } from './ui/icon.tsx';
import { Toasts } from './ui/toast.tsx';

interface View {
  title: string;
  icon: IconName;
  Content: ComponentType;
}

const tabs: Record<Tab, View> = {
  chat: { title: 'Chat', icon: 'chat', Content: ChatTab },
  translate: { title: 'Translate', icon: 'translate', Content: TranslateTab },
  moderate: { title: 'Moderate', icon: 'shield', Content: ModerateTab },
};

const panels: Record<Panel, View> = {
  models: { title: 'Models', icon: 'cube', Content: ModelsPanel },
  storage: { title: 'Storage', icon: 'disk', Content: StoragePanel },
  settings: { title: 'Settings', icon: 'sliders', Content: SettingsPanel },
  statistics: { title: 'Statistics', icon: 'chart', Content: StatisticsPanel },
};

export function App() {
  return (
    <div class="app">
      <Header />
      <div class="stage">
        {TABS.map((name) => (
          <TabContent key={name} name={name} />
        ))}
        {panel.value && <SidePanel name={panel.value} />}
      </div>
      <Toasts />
    </div>
  );
}

function Header() {
  return (
    <header class="header">
      <h1 class="brand">
        <img class="logo" src="./pipit.svg" alt="" width="32" height="32" />
        <span class="brand-name">pipit</span>
      </h1>
      <nav class="tabs" aria-label="What to do">
        {TABS.map((name) => (
          <button
            key={name}
            type="button"
            class="tab"
            aria-current={tab.value === name ? 'page' : undefined}
            onClick={() => showTab(name)}
          >
            <Icon name={tabs[name].icon} />
            <span>{tabs[name].title}</span>
          </button>
        ))}
      </nav>
      <div class="model-button-place">
        <ModelButton />
      </div>
    </header>
  );
}

/** Says which model is loaded; opens the panel. */
function ModelButton() {
  const status = modelStatus.value;
  return (
    <button
      type="button"
      class="model-button"
      aria-expanded={panel.value !== null}
      aria-controls={panel.value ? 'panel' : undefined}
      onClick={() => (panel.value = panel.value ? null : 'models')}
    >
      <span class={`model-light ${status.kind}`} />
      <span class={`model-title ${status.kind === 'loading' ? 'numbers' : ''}`}>
        {textOf(status)}
      </span>
      <Icon name="panel" />
      <span class="visually-hidden">, side panel</span>
    </button>
  );
}

function textOf(status: ModelStatus): string {
  switch (status.kind) {
    case 'none':
      return 'No model yet';
    case 'loading': {
      const { loaded, total } = shownProgress(openedUrl.value, status.progress);
      return total > 0 ? `Loading… ${Math.floor((100 * loaded) / total)} %` : 'Loading…';
    }
    case 'paused':
      return 'Download paused';
    case 'ready':
      return status.title;
    case 'failed':
      return 'No model: loading failed';
  }
}

/** All tabs stay in the page, so that what one shows or does goes on while another is in front. */
function TabContent({ name }: { name: Tab }) {
  const { Content, title } = tabs[name];
  return (
    <main class="tab-content" hidden={tab.value !== name} aria-label={title}>
      <Content />
    </main>
  );
}

function SidePanel({ name }: { name: Panel }) {
  const { Content, title } = panels[name];
  const element = useRef<HTMLElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    element.current!.querySelector<HTMLElement>('[aria-current]')!.focus();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <aside
      class="panel"
      id="panel"
      ref={element}
      aria-label={title}
      onKeyDown={({ key }) => {
        if (key === 'Escape') panel.value = null;
      }}
    >
      <nav class="panel-tabs" aria-label="Side panel">
        {PANELS.map((other) => (
          <button
            key={other}
            type="button"
            class="panel-tab"
            aria-current={other === name ? 'page' : undefined}
            onClick={() => (panel.value = other)}
          >
            <Icon name={panels[other].icon} />
            <span>{panels[other].title}</span>
          </button>
        ))}
        <button
          type="button"
          class="icon-button"
          aria-label="Close the side panel"
          onClick={() => (panel.value = null)}
        >
          <Icon name="close" />
        </button>
      </nav>
      {/* Not all that scrolls in here holds something with the focus. */}
      <div class="panel-content" role="group" aria-label={title} tabIndex={0}>
        <h2>{title}</h2>
        <Content />
      </div>
    </aside>
  );
}
