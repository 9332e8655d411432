/** Which espeak voice stands in for each voice of OpenAI and Deepgram, and for the caller. */

const openaiVoices: Record<string, string> = {
  alloy: 'en-us+f3',
  ash: 'en-us+m3',
  ballad: 'en-gb+m2',
  cedar: 'en-us+m7',
  coral: 'en-us+f2',
  echo: 'en-us+m1',
  fable: 'en-gb+f2',
  marin: 'en-us+f5',
  nova: 'en-us+Annie',
  onyx: 'en-us+m5',
  sage: 'en-us+f4',
  shimmer: 'en-us+f1',
  verse: 'en-us+m4',
};

const maleAuraVoices = new Set(
  [
    'apollo',
    'arcas',
    'aries',
    'atlas',
    'draco',
    'hermes',
    'hyperion',
    'janus',
    'jupiter',
    'mars',
    'neptune',
    'odysseus',
  ].concat(['orion', 'orpheus', 'perseus', 'pluto', 'saturn', 'zeus', 'angus', 'helios', 'nestor', 'sirio', 'alvaro']),
);
const femaleVariants = ['f1', 'f2', 'f3', 'f4', 'f5', 'Annie'];
const maleVariants = ['m1', 'm2', 'm3', 'm4', 'm5', 'm7'];

/** The simulated caller's voice, unlike any agent's. */
export const callerVoice = 'caller';

/** Whether OpenAI has a voice of this name. */
export const isOpenaiVoice = (name: string): boolean => Object.hasOwn(openaiVoices, name);

/** @param name an OpenAI voice, a Deepgram `aura…` model, `callerVoice` or an espeak voice; `en-us` replaces any other */
export const espeakVoice = (name: string): string => {
  if (name === callerVoice) return 'en-gb+m8';
  if (Object.hasOwn(openaiVoices, name)) return openaiVoices[name] ?? 'en-us';
  const aura = /^aura(?:-\d+)?-(\w+)-(\w\w)$/.exec(name);
  if (!aura) return /^[a-z]{2}(-[a-z]{2})?(\+\w+)?$/.test(name) ? name : 'en-us';
  const [, voice = '', language = 'en'] = aura;
  const variants = maleAuraVoices.has(voice) ? maleVariants : femaleVariants;
  const variant = variants[[...voice].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % variants.length];
  return `${language === 'en' ? 'en-us' : language}+${variant}`;
};
