/** A command of `npm run cli`. */
export type Command = Readonly<{
  /** As typed: `db:seed`. */
  name: string;
  /** One line for the list of commands: a verb, lower case, no period. */
  summary: string;
  /** The output of `--help`. */
  help: string;
  /**
   * Runs the command with the arguments after its name.
   * @returns the exit code
   */
  run: (argv: string[], env: NodeJS.ProcessEnv) => Promise<number>;
}>;
