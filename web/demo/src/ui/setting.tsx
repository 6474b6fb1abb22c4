// Form fields of settings. What is typed is checked at once; only what can be a setting becomes one.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { changeSettings, settings } from '../state/settings.ts';
import { FIELDS, type Settings, problemOf } from '../state/settings_schema.ts';

/** The settings whose values are of a type. */
type NameOf<T> = {
  [Name in keyof Settings]: Settings[Name] extends T ? Name : never;
}[keyof Settings];

interface FieldProps<Name> {
  name: Name;
  label: string;
  hint?: string;
}

export function NumberSetting({
  name,
  label,
  hint,
  placeholder,
  slider,
}: FieldProps<NameOf<number | null>> & {
  /** What an empty field means. */
  placeholder?: string;
  slider?: { min: number; max: number; step: number };
}) {
  const id = useId();
  const value = settings.value[name];
  /** What was typed while it is no setting. */
  const wrong = useSignal<string | null>(null);
  const problem = wrong.value === null ? null : problemOf(name, numberOf(wrong.value));
  const change = (text: string): void => {
    const number = numberOf(text);
    if (problemOf(name, number) === null) {
      wrong.value = null;
      changeSettings({ [name]: number });
    } else {
      wrong.value = text;
    }
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="number-setting">
        {slider && (
          <input
            type="range"
            aria-label={`${label}, slider`}
            {...slider}
            value={value ?? slider.min}
            onInput={({ currentTarget }) => change(currentTarget.value)}
          />
        )}
        <input
          id={id}
          class="input"
          inputMode="decimal"
          autoComplete="off"
          placeholder={placeholder}
          value={wrong.value ?? value ?? ''}
          aria-invalid={problem !== null}
          aria-describedby={`${id}-hint ${id}-problem`}
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      </div>
      <Explanation id={id} hint={hint} problem={problem} />
    </div>
  );
}

export function ChoiceSetting<Name extends NameOf<string>>({
  name,
  label,
  hint,
  options,
}: FieldProps<Name> & {
  options: readonly (readonly [value: Settings[Name] & string, text: string])[];
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="input"
        aria-describedby={`${id}-hint`}
        value={settings.value[name]}
        onChange={({ currentTarget }) => changeSettings({ [name]: currentTarget.value })}
      >
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Explanation id={id} hint={hint} problem={null} />
    </div>
  );
}

export function TextSetting({
  name,
  label,
  hint,
  placeholder,
}: FieldProps<'systemPrompt'> & { placeholder: string }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        class="input"
        rows={4}
        maxLength={FIELDS[name].maxLength}
        placeholder={placeholder}
        value={settings.value[name]}
        aria-describedby={`${id}-hint`}
        onInput={({ currentTarget }) => changeSettings({ [name]: currentTarget.value })}
      />
      <Explanation id={id} hint={hint} problem={null} />
    </div>
  );
}

function Explanation({
  id,
  hint,
  problem,
}: {
  id: string;
  hint: ComponentChildren;
  problem: string | null;
}) {
  return (
    <>
      {problem !== null && (
        <p class="problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </>
  );
}

/** null for an empty field, NaN for what is no number; a comma is a point in much of the world. */
function numberOf(text: string): number | null {
  const trimmed = text.trim().replace(',', '.');
  return trimmed === '' ? null : Number(trimmed);
}
