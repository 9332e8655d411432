/** The simulated caller can't go on; `message` is a sentence for a person. */
export class CallerError extends Error {
  override readonly name = 'CallerError';
}
