/** What the simulated caller of the demo says. */
import { loadDemoScenario } from '../simulators/providers/state/scenario.ts';

export const demoLines = async (): Promise<string[]> =>
  (await loadDemoScenario()).caller.map((line) => (typeof line === 'string' ? line : line.join(' ')));
