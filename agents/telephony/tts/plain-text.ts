/**
 * What a model wrote, as a voice is to say it. The framework's own filter holds each word back until the next one has come, so as
 * to see the end of a `**`: here every piece is whole.
 */

const replacements: readonly (readonly [RegExp, string])[] = [
  [/!?\[([^\]]*)\]\([^)]*\)/gu, '$1'], // links and images
  [/^\s*(?:#{1,6}|[-+*>]|(?:[-*_]\s*){3,}$)\s+/gmu, ''], // headings, lists, quotes, rules
  [/(?<![\p{L}\p{N}])(?:[*_]{1,3}|~~)(?=\S)|(?<=\S)(?:[*_]{1,3}|~~)(?![\p{L}\p{N}])/gu, ''], // emphasis, also where only one end of it is here
  [/`+/gu, ''],
  [/\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u{fe00}-\u{fe0f}\u{200d}\u{20e3}]/gu, ''],
];

/** Takes markup and emoji out of a piece of a reply. */
export const plainText = (piece: string): string =>
  replacements.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), piece).trim();
