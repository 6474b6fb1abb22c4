// The panel "Settings".
import { signal } from '@preact/signals';
import { reopenModel } from '../state/model.ts';
import { needsReload } from '../state/reload.ts';
import { changeSettings, settings } from '../state/settings.ts';
import { DEFAULT_SETTINGS } from '../state/settings_schema.ts';
import { Notice } from '../ui/notice.tsx';
import { ChoiceSetting, NumberSetting, TextSetting } from '../ui/setting.tsx';
import { toast } from '../ui/toast.tsx';

/** Fields forget what was typed into them when this changes. */
const resets = signal(0);

export function SettingsPanel() {
  return (
    <div class="settings" key={resets.value}>
      <AnswerSettings />
      <ModelSettings />
      <section class="settings" aria-labelledby="settings-look">
        <h3 id="settings-look">Look</h3>
        <ChoiceSetting
          name="theme"
          label="Colours"
          options={[
            ['system', 'As the system'],
            ['light', 'Light'],
            ['dark', 'Dark'],
          ]}
        />
      </section>
      <button type="button" class="button" onClick={reset}>
        Reset all settings
      </button>
    </div>
  );
}

function AnswerSettings() {
  return (
    <section class="settings" aria-labelledby="settings-answers">
      <h3 id="settings-answers">Answers</h3>
      <TextSetting
        name="systemPrompt"
        label="System prompt"
        placeholder="For instance: You are a patient teacher. Answer in two sentences."
        hint="Tells the model who it is. Empty: what the model itself says."
      />
      <NumberSetting
        name="temperature"
        label="Temperature"
        hint="0: always the likeliest word. Small models ramble above 1."
        slider={{ min: 0, max: 2, step: 0.05 }}
      />
      <NumberSetting
        name="maxTokens"
        label="Longest answer, in tokens"
        hint="A word is one or two tokens. -1: as long as the model likes."
      />
      <details>
        <summary>Sampling</summary>
        <div class="settings">
          <NumberSetting
            name="topP"
            label="Top-p"
            hint="Only the likeliest tokens that sum up to this probability; 1: all."
            slider={{ min: 0, max: 1, step: 0.01 }}
          />
          <NumberSetting
            name="topK"
            label="Top-k"
            hint="Only this many of the likeliest tokens; 0: all."
          />
          <NumberSetting
            name="minP"
            label="Min-p"
            hint="Only tokens at least this probable, relative to the likeliest; 0: all."
            slider={{ min: 0, max: 1, step: 0.01 }}
          />
          <NumberSetting
            name="repeatPenalty"
            label="Repeat penalty"
            hint="Makes what was just said less likely; 1: off."
            slider={{ min: 0.5, max: 2, step: 0.05 }}
          />
          <NumberSetting
            name="seed"
            label="Seed"
            placeholder="random"
            hint="The same seed gives the same answer to the same conversation."
          />
        </div>
      </details>
    </section>
  );
}

function ModelSettings() {
  return (
    <section class="settings" aria-labelledby="settings-model">
      <h3 id="settings-model">Model</h3>
      {needsReload.value && (
        <Notice
          kind="info"
          actions={[{ label: 'Load the model again', run: () => void reopenModel() }]}
        >
          Some of these apply only when the model is loaded again.
        </Notice>
      )}
      <NumberSetting
        name="nCtx"
        label="Context, in tokens"
        hint="How much of a conversation the model sees at once. 0: as much as it was trained for."
      />
      <ChoiceSetting
        name="whenFull"
        label="When the context is full"
        options={[
          ['slide', 'Forget the oldest part'],
          ['stop', 'Stop'],
        ]}
      />
      <details>
        <summary>Computing</summary>
        <div class="settings">
          <NumberSetting
            name="threads"
            label="Threads"
            placeholder="automatic"
            hint="Empty: as many as suit this device."
          />
          <ChoiceSetting
            name="kernels"
            label="Kernel set"
            hint="simd128 gives the same answer on every device; automatic is the fastest that is right here."
            options={[
              ['auto', 'Automatic'],
              ['relaxed-i32', 'Relaxed SIMD, 32-bit sums'],
              ['relaxed-i16', 'Relaxed SIMD, 16-bit sums'],
              ['simd128', 'SIMD128'],
              ['xnnpack', 'XNNPACK'],
              ['reference', 'Reference (very slow)'],
            ]}
          />
          <ChoiceSetting
            name="kvType"
            label="KV cache"
            hint="What the model remembers of the conversation; int8 takes a quarter of f32's memory."
            options={[
              ['auto', 'Automatic'],
              ['int8', 'int8'],
              ['f16', 'f16'],
              ['f32', 'f32'],
            ]}
          />
        </div>
      </details>
    </section>
  );
}

function reset(): void {
  const before = settings.value;
  changeSettings(DEFAULT_SETTINGS);
  resets.value += 1;
  toast('All settings are as they were at first.', {
    label: 'Undo',
    run: () => changeSettings(before),
  });
}
