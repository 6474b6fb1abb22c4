// The tab "Moderate": which of some labels fits a text, with the probabilities that the model gives them.
import { PipitError } from 'pipit';
import { useId, useMemo, useRef, useState } from 'preact/hooks';
import { ModelPicker } from '../models/picker.tsx';
import { Classifier } from '../moderate/classifier.ts';
import { model } from '../state/model.ts';
import { problemTitle } from '../state/problems.ts';
import { percent } from '../ui/format.ts';
import { Dots } from '../ui/dots.tsx';
import { Icon } from '../ui/icon.tsx';
import { Notice } from '../ui/notice.tsx';
import { useLatest } from '../ui/use_latest.ts';

const LABELS = ['ordinary', 'insult', 'threat', 'sexual', 'spam'];
const EXAMPLES = [
  'The weather was lovely at the lake.',
  'What a stupid moron you are!',
  'I know where you live, and I will hurt you.',
  'Buy cheap pills now!!! Click here to win $1000.',
];
const MOST_LABELS = 12;

export function ModerateTab() {
  const [text, setText] = useState('');
  const [labels, setLabels] = useState(LABELS);
  /** By label; empty: nothing to show yet. */
  const [probabilities, setProbabilities] = useState<ReadonlyMap<string, number>>(new Map());
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<PipitError | null>(null);
  const id = useId();
  const loaded = model.value;
  const classifier = useMemo(() => loaded && new Classifier(loaded), [loaded]);
  const used = [...new Set(labels.map((label) => label.trim()).filter(Boolean))];

  useLatest(
    async (signal) => {
      setError(null);
      const hasWork = classifier !== null && text.trim() !== '' && used.length > 0;
      setIsBusy(hasWork);
      if (!hasWork) {
        setProbabilities(new Map());
        return;
      }
      try {
        const values = await classifier.classify(text, used, signal);
        setProbabilities(new Map(used.map((label, i) => [label, values[i]!])));
      } catch (error) {
        if (!signal.aborted) setError(PipitError.from(error));
      }
      if (!signal.aborted) setIsBusy(false);
    },
    [classifier, text, used.join('\n')],
  );

  return (
    <div class="tool">
      <h2>Moderate</h2>
      {loaded ? null : <ModelPicker />}
      <div class="field">
        <label for={id}>Text</label>
        <textarea
          id={id}
          class="input"
          rows={4}
          placeholder="Type or paste what somebody wrote"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <p class="examples">
          <span class="hint">Or try:</span>
          {EXAMPLES.map((example) => (
            <button
              type="button"
              class="button small"
              key={example}
              onClick={() => setText(example)}
            >
              {example}
            </button>
          ))}
        </p>
      </div>
      <LabelTable {...{ labels, setLabels, probabilities, isBusy }} />
      {error && (
        <Notice kind="error" title={problemTitle(error.code)}>
          {error.message}
        </Notice>
      )}
      <p class="hint">
        The model reads the text as a form to fill in and is asked how likely each label is to come
        next. What it thinks of the labels when the text says nothing is taken off, and the rest is
        made to sum up to 100 %. A small model is often wrong: let it sort, and people decide.
      </p>
    </div>
  );
}

interface LabelTableProps {
  labels: string[];
  setLabels: (labels: string[]) => void;
  probabilities: ReadonlyMap<string, number>;
  isBusy: boolean;
}

function LabelTable({ labels, setLabels, probabilities, isBusy }: LabelTableProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const add = (): void => {
    setLabels([...labels, '']);
    // Once it is there.
    requestAnimationFrame(() =>
      body.current?.querySelector<HTMLInputElement>('tr:last-child input')?.focus(),
    );
  };
  return (
    <div class="labels">
      <table aria-busy={isBusy}>
        <caption class="visually-hidden">How likely each label is</caption>
        <thead>
          <tr>
            <th scope="col">Label</th>
            <th scope="col">Probability</th>
            <th scope="col">
              <span class="visually-hidden">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {labels.map((label, i) => (
            <tr key={i}>
              <th scope="row">
                <input
                  class="input"
                  aria-label={`Label ${i + 1}`}
                  maxLength={40}
                  value={label}
                  onInput={({ currentTarget }) => setLabels(labels.with(i, currentTarget.value))}
                />
              </th>
              <td>
                <Bar
                  probability={probabilities.get(label.trim())}
                  isBusy={isBusy && label.trim() !== ''}
                />
              </td>
              <td>
                <button
                  type="button"
                  class="icon-button"
                  aria-label={`Remove ${label || `label ${i + 1}`}`}
                  disabled={labels.length <= 2}
                  onClick={() => setLabels(labels.toSpliced(i, 1))}
                >
                  <Icon name="close" />
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <button
        type="button"
        class="button small"
        disabled={labels.length >= MOST_LABELS}
        onClick={add}
      >
        <Icon name="plus" />
        Add a label
      </button>
    </div>
  );
}

function Bar({ probability, isBusy }: { probability: number | undefined; isBusy: boolean }) {
  if (probability === undefined) return isBusy ? <Dots /> : <span class="hint">–</span>;
  return (
    <div class="bar">
      <progress class="meter" value={probability} max={1} aria-hidden="true" />
      <span class="numbers">{percent(probability)}</span>
    </div>
  );
}
