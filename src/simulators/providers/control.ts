/** The control endpoint: utterances to expect, scenarios, delays, faults, and the request log. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { faultSchema } from './simulation/faults.ts';
import { readJson, sendJson } from './simulation/http.ts';
import { utteranceInputSchema } from './scenario/script.ts';
import { scenarioSchema } from './scenario/scenario.ts';
import { delaysSchema } from './simulation/delays.ts';
import type { Simulation } from './simulation/simulation.ts';

/** Handles a request to `/control/…`. */
export const control = async (
  simulation: Simulation,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  // Control requests are rare: don't keep their sockets open.
  response.setHeader('connection', 'close');
  const route = `${request.method} ${path.replace(/^\/control\/scenarios\/.*/, '/control/scenarios/NAME')}`;
  try {
    const result = await act(simulation, route, path.split('/')[3] ?? '', request);
    if (result === 'unknown') sendJson(response, 404, { error: { message: `Unknown control route: ${route}.` } });
    else if (result === undefined) response.writeHead(204).end();
    else sendJson(response, 200, result);
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
    const message = error instanceof z.ZodError ? z.prettifyError(error) : error.message;
    sendJson(response, 400, { error: { message } });
  }
};

const act = async (simulation: Simulation, route: string, name: string, request: IncomingMessage): Promise<unknown> => {
  switch (route) {
    case 'POST /control/utterances': {
      const utterance = utteranceInputSchema.parse(await readJson(request));
      return simulation.scripts.queue(utterance, utterance.scenario ?? simulation.defaultScenario);
    }
    case 'PUT /control/scenarios/NAME': {
      const scenario = scenarioSchema.parse({
        ...((await readJson(request)) as object),
        name: decodeURIComponent(name),
      });
      simulation.scenarios.set(scenario.name, scenario);
      return simulation.scripts.reset(scenario.name);
    }
    case 'PUT /control/delays':
      return void Object.assign(simulation.delays, delaysSchema.partial().parse(await readJson(request)));
    case 'POST /control/faults':
      return simulation.faults.add(faultSchema.parse(await readJson(request)));
    case 'DELETE /control/faults':
      return simulation.faults.clear();
    case 'GET /control/log':
      return simulation.log;
    case 'DELETE /control/log':
      return void Object.assign(simulation.log, { requests: [], lastChat: null });
    default:
      return 'unknown';
  }
};
