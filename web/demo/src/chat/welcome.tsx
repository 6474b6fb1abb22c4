// An empty conversation: how to begin.
import { ModelPicker } from '../models/picker.tsx';
import { current } from '../state/conversations.ts';
import { model } from '../state/model.ts';
import { isBase, say } from './answers.ts';
import { focusComposer } from './composer.tsx';

const SUGGESTIONS = [
  { title: 'Explain', text: 'Explain why the sky is blue to a ten-year-old.' },
  { title: 'Write', text: 'Write a short poem about a small bird in the rain.' },
  { title: 'Plan', text: 'Give me a checklist for a weekend hike.' },
  { title: 'Rephrase', text: 'Make this sound friendlier: "Send me the file by noon."' },
];

/** For a model that continues text. */
const BEGINNINGS = [
  { title: 'A story', text: 'Once upon a time, in a village at the edge of a great forest,' },
  { title: 'A recipe', text: 'Pancakes for four people. Ingredients:' },
  { title: 'A list', text: 'The planets of the solar system, in order:\n1. Mercury\n2. Venus\n3.' },
  { title: 'A fact', text: 'Photosynthesis is the process by which' },
];

export function Welcome() {
  const continues = model.value !== null && isBase(model.value);
  const question = continues ? 'How does the text begin?' : 'What shall we talk about?';
  return (
    <div class="welcome">
      <img src="./pipit.svg" alt="" width="88" height="88" />
      <h2>{model.value ? question : 'A small bird with a lot to say'}</h2>
      <p class="welcome-text">
        pipit runs a language model inside this page. Nothing you write leaves this device, and once
        a model is here it works without a network.
        {continues && ' This model was not made for chatting: it continues what you write.'}
      </p>
      {model.value ? (
        <ul class="suggestions">
          {(continues ? BEGINNINGS : SUGGESTIONS).map(({ title, text }) => (
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
