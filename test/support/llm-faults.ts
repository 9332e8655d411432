/** What may go wrong with the model: it refuses, says nothing, or breaks off before its first word or in the middle. */
export const faultsBeforeTheFirstWord = [
  { kind: 'status', status: 429 },
  { kind: 'status', status: 500 },
  { kind: 'hang' },
  { kind: 'hangAfterHeaders' },
  { kind: 'cut', afterTokens: 0 },
  { kind: 'garbage', afterTokens: 0 },
] as const;

export const faultsInTheMiddle = ['stallMidStream', 'cut', 'garbage'] as const;
