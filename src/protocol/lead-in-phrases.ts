/**
 * Phrases with which a model's reply often begins. Their speech is cached in every voice, so that they are heard the moment the model has
 * written them, while the voice synthesizes the rest.
 */
const phrases: Readonly<Record<string, readonly string[]>> = {
  en: [
    ...[
      'Yes,',
      'No,',
      'Sure,',
      'Sure!',
      'Of course,',
      'Of course!',
      'Okay,',
      'Great!',
      'Great,',
      'Perfect!',
      'Absolutely!',
    ],
    ...[
      'Certainly!',
      'Thank you.',
      'Thanks,',
      'I see.',
      'Got it.',
      'I understand.',
      'No problem.',
      'No problem at all.',
    ],
    ...[
      "I'm sorry,",
      "I'm sorry to hear that,",
      "I'm sorry to hear that.",
      "That's no problem at all.",
      "You're welcome!",
    ],
  ],
  de: ['Ja,', 'Nein,', 'Gerne,', 'Gerne!', 'Natürlich,', 'Natürlich!', 'Okay,', 'Danke.', 'Ich verstehe.'],
  es: ['Sí,', 'No,', 'Claro,', '¡Claro!', 'Por supuesto,', 'Gracias.', 'Entiendo.', 'Lo siento,'],
  fr: ['Oui,', 'Non,', 'Bien sûr,', 'Bien sûr !', "D'accord,", 'Merci.', 'Je comprends.', 'Désolé,'],
};

const lettersOf = (text: string): string => text.toLowerCase().replaceAll(/[^\p{L}]/gu, '');

/** Single words that people say before a pause; models use them too rarely to cache their speech. */
const furtherWords = ['ok', 'hello', 'hi', 'well', 'sorry', 'alright', 'right'];
const singleWords = new Set(
  [...Object.values(phrases).flat(), ...furtherWords].filter((text) => !/\s\p{L}/u.test(text)).map(lettersOf),
);

/** Whether a text is a single word, of any language listed, that may be spoken by itself. */
export const isLeadInPhrase = (text: string): boolean => singleWords.has(lettersOf(text));

/** The phrases of a language such as en or de-CH; none if it isn't listed. */
export const leadInPhrasesOf = (language: string): readonly string[] => phrases[language.split('-')[0] ?? ''] ?? [];
