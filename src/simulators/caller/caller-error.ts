/** The simulated caller can't continue. `message` is one sentence for the user. */
export class CallerError extends Error {
  override readonly name = 'CallerError';
}
