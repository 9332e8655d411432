/** An agent without any work, for the processes of a real pool. */
import { defineAgent } from '@livekit/agents';

// eslint-disable-next-line no-restricted-exports -- the framework loads an agent's default export
export default defineAgent({ entry: () => Promise.resolve() });
