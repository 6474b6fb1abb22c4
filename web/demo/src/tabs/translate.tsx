// The tab "Translate": what is typed on one side appears in another language on the other, word by word.
import { PipitError } from 'pipit';
import { useId, useMemo, useState } from 'preact/hooks';
import { ModelPicker } from '../models/picker.tsx';
import { model } from '../state/model.ts';
import { problemTitle } from '../state/problems.ts';
import { LANGUAGES, LANGUAGE_CODES, type Language } from '../translate/languages.ts';
import { Translator } from '../translate/translator.ts';
import { Dots } from '../ui/dots.tsx';
import { Icon } from '../ui/icon.tsx';
import { Notice } from '../ui/notice.tsx';
import { useLatest } from '../ui/use_latest.ts';

export function TranslateTab() {
  const [from, setFrom] = useState<Language>('English');
  const [to, setTo] = useState<Language>('French');
  const [text, setText] = useState('');
  const [result, setResult] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<PipitError | null>(null);
  const id = useId();
  const loaded = model.value;
  const translator = useMemo(() => loaded && new Translator(loaded), [loaded]);

  useLatest(
    async (signal) => {
      setError(null);
      setIsBusy(translator !== null && text.trim() !== '');
      try {
        let translation = '';
        for await (const piece of translator?.translate(text, { from, to }, signal) ?? []) {
          if (signal.aborted) return; // some are still on their way
          translation += piece;
          setResult(translation);
        }
        setResult(translation);
      } catch (error) {
        if (!signal.aborted) setError(PipitError.from(error));
      }
      if (!signal.aborted) setIsBusy(false);
    },
    [translator, text, from, to],
  );

  const swap = (): void => {
    setFrom(to);
    setTo(from);
    setText(result);
  };

  return (
    <div class="tool">
      <h2>Translate</h2>
      {loaded ? null : <ModelPicker />}
      <div class="translate">
        <div class="field">
          <LanguageChoice label="From" value={from} onChange={setFrom} />
          <label class="visually-hidden" for={`${id}-text`}>
            Text in {from}
          </label>
          <textarea
            id={`${id}-text`}
            class="input"
            rows={8}
            lang={LANGUAGE_CODES[from]}
            placeholder="Type here"
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </div>
        <button
          type="button"
          class="icon-button swap"
          aria-label="Swap the languages"
          title="Swap the languages"
          onClick={swap}
        >
          <Icon name="swap" />
        </button>
        <div class="field">
          <LanguageChoice label="To" value={to} onChange={setTo} />
          <div
            class="card translation"
            role="status"
            aria-label={`Translation in ${to}`}
            aria-busy={isBusy}
            lang={LANGUAGE_CODES[to]}
          >
            {isBusy && result === '' ? <Dots /> : result}
          </div>
        </div>
      </div>
      {error && (
        <Notice kind="error" title={problemTitle(error.code)}>
          {error.message}
        </Notice>
      )}
      <p class="hint">
        Take it as a demonstration. A model of 135 million parameters has read little but English:
        it knows greetings and common words of other languages, and makes up the rest with
        confidence. Larger models, from about two billion parameters on, translate well with the
        same few lines of code.
      </p>
    </div>
  );
}

interface LanguageChoiceProps {
  label: string;
  value: Language;
  onChange: (language: Language) => void;
}

function LanguageChoice({ label, value, onChange }: LanguageChoiceProps) {
  return (
    <label class="language">
      <span class="label">{label}</span>
      <select
        class="input"
        value={value}
        onChange={({ currentTarget }) => onChange(currentTarget.value as Language)}
      >
        {LANGUAGES.map((language) => (
          <option key={language}>{language}</option>
        ))}
      </select>
    </label>
  );
}
