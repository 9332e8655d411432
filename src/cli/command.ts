/** A command of `npm run cli`. */
export type Command = Readonly<{
  /** As it is typed: `db:seed`. */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** What --help prints. */
  help: string;
  /**
   * Runs the command with the arguments after its name.
   * @returns the exit code
   */
  run: (argv: string[], env: NodeJS.ProcessEnv) => Promise<number>;
}>;
