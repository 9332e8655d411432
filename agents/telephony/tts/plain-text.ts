/**
 * Removes what a voice can't say. The framework's own filter delays each word until the next one arrives, because it needs to see the end
 * of a `**`; here a piece is always complete.
 */

const replacements: readonly (readonly [RegExp, string])[] = [
  [/!?\[([^\]]*)\]\([^)]*\)/gu, '$1'], // links and images
  [/^\s*(?:#{1,6}|[-+*>]|(?:[-*_]\s*){3,}$)\s+/gmu, ''], // headings, lists, quotes, rules
  [/(?<![\p{L}\p{N}])(?:[*_]{1,3}|~~)(?=\S)|(?<=\S)(?:[*_]{1,3}|~~)(?![\p{L}\p{N}])/gu, ''], // emphasis, even if the piece has only one end of it
  [/`+/gu, ''],
  [/\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u{fe00}-\u{fe0f}\u{200d}\u{20e3}]/gu, ''],
];

/** Removes markup and emoji from a piece of a reply. */
export const plainText = (piece: string): string =>
  replacements.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), piece).trim();
