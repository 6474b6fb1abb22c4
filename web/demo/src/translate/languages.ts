// The languages of the tab "Translate". The sentences show a small model by example what is wanted of it, which it
// understands better than an instruction.

/** The same sentences in every language, in the same order. */
const EXAMPLES = {
  English: [
    'Thank you very much.',
    'Where is the station?',
    'I do not understand.',
    'The weather is nice today.',
  ],
  French: [
    'Merci beaucoup.',
    'Où est la gare ?',
    'Je ne comprends pas.',
    'Il fait beau aujourd’hui.',
  ],
  German: [
    'Vielen Dank.',
    'Wo ist der Bahnhof?',
    'Ich verstehe nicht.',
    'Das Wetter ist heute schön.',
  ],
  Italian: ['Grazie mille.', 'Dov’è la stazione?', 'Non capisco.', 'Oggi il tempo è bello.'],
  Portuguese: ['Muito obrigado.', 'Onde fica a estação?', 'Não entendo.', 'O tempo está bom hoje.'],
  Spanish: ['Muchas gracias.', '¿Dónde está la estación?', 'No entiendo.', 'Hoy hace buen tiempo.'],
} as const;

export type Language = keyof typeof EXAMPLES;

export const LANGUAGES = Object.keys(EXAMPLES) as Language[];

/** For the attribute `lang`, by which screen readers choose their voice. */
export const LANGUAGE_CODES: { readonly [Name in Language]: string } = {
  English: 'en',
  French: 'fr',
  German: 'de',
  Italian: 'it',
  Portuguese: 'pt',
  Spanish: 'es',
};

/** Pairs of a sentence and its translation. */
export function examples(from: Language, to: Language): [string, string][] {
  return EXAMPLES[from].map((sentence, i) => [sentence, EXAMPLES[to][i]!]);
}
