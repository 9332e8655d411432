/** Runs a command of the CLI in this process and returns what it prints. */
import { vi } from 'vitest';
import type { Command } from '#src/cli/command.ts';

/** @throws what the command throws, whose message `cli/main.ts` would print */
export const runCommand = async (
  command: Command,
  argv: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; out: string }> => {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(`${line}\n`));
  try {
    return { code: await command.run(argv, env), out: lines.join('') };
  } finally {
    log.mockRestore();
  }
};
