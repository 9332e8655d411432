/** What the simulated caller of the demo says, one utterance per turn. */
import { loadDemoScenario } from '../simulators/providers/scenario/scenario.ts';

export const loadDemoScript = async (): Promise<string[]> =>
  (await loadDemoScenario()).caller.map((line) => [line].flat().join(' '));
