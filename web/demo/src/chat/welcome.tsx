// An empty conversation: how to begin.
import { ModelPicker } from '../models/picker.tsx';
import { current } from '../state/conversations.ts';
import { model } from '../state/model.ts';
import { say } from './answers.ts';
import { focusComposer } from './composer.tsx';

const SUGGESTIONS = [
  { title: 'Explain', text: 'Explain why the sky is blue to a ten-year-old.' },
  { title: 'Write', text: 'Write a short poem about a small bird in the rain.' },
  { title: 'Plan', text: 'Give me a checklist for a weekend hike.' },
  { title: 'Rephrase', text: 'Make this sound friendlier: "Send me the file by noon."' },
];

export function Welcome() {
  return (
    <div class="welcome">
      <img src="./pipit.svg" alt="" width="88" height="88" />
      <h2>{model.value ? 'What shall we talk about?' : 'A small bird with a lot to say'}</h2>
      <p class="welcome-text">
        pipit runs a language model inside this page. Nothing you write leaves this device, and once
        a model is here it works without a network.
      </p>
      {model.value ? (
        <ul class="suggestions">
          {SUGGESTIONS.map(({ title, text }) => (
            <li key={title}>
              <button type="button" onClick={() => begin(text)}>
                <b>{title}</b>
                <span>{text}</span>
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <ModelPicker />
      )}
    </div>
  );
}

function begin(text: string): void {
  say(current.value, null, text);
  focusComposer();
}
