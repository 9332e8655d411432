/** What the simulated caller of the demo says. */
import { loadDemoScenario } from '../simulators/providers/scenario/scenario.ts';

export const loadDemoScript = async (): Promise<string[]> =>
  (await loadDemoScenario()).caller.map((line) => (typeof line === 'string' ? line : line.join(' ')));
