/** The control endpoint: what will be said, scenarios, delays, faults, and the log of what came. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { faultSchema } from './simulation/faults.ts';
import { readJson, sendJson } from './simulation/http.ts';
import { utteranceInputSchema } from './scenario/script.ts';
import { scenarioSchema } from './scenario/scenario.ts';
import { delaysSchema } from './simulation/delays.ts';
import type { Simulation } from './simulation/simulation.ts';

/** Answers a request to `/control/…`. */
export const control = async (
  sim: Simulation,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  // Whoever asks now and then must not keep sockets open for it.
  response.setHeader('connection', 'close');
  const route = `${request.method} ${path.replace(/^\/control\/scenarios\/.*/, '/control/scenarios/NAME')}`;
  try {
    const result = await act(sim, route, path.split('/')[3] ?? '', request);
    if (result === 'unknown') sendJson(response, 404, { error: { message: `no ${route}` } });
    else if (result === undefined) response.writeHead(204).end();
    else sendJson(response, 200, result);
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
    const message = error instanceof z.ZodError ? z.prettifyError(error) : error.message;
    sendJson(response, 400, { error: { message } });
  }
};

const act = async (sim: Simulation, route: string, name: string, request: IncomingMessage): Promise<unknown> => {
  switch (route) {
    case 'POST /control/utterances': {
      const said = utteranceInputSchema.parse(await readJson(request));
      return sim.scripts.queue(said, said.scenario ?? sim.defaultScenario);
    }
    case 'PUT /control/scenarios/NAME': {
      const scenario = scenarioSchema.parse({
        ...((await readJson(request)) as object),
        name: decodeURIComponent(name),
      });
      sim.scenarios.set(scenario.name, scenario);
      return sim.scripts.reset(scenario.name);
    }
    case 'PUT /control/delays':
      return void Object.assign(sim.delays, delaysSchema.partial().parse(await readJson(request)));
    case 'POST /control/faults':
      return sim.faults.add(faultSchema.parse(await readJson(request)));
    case 'DELETE /control/faults':
      return sim.faults.clear();
    case 'GET /control/log':
      return sim.log;
    case 'DELETE /control/log':
      return void Object.assign(sim.log, { requests: [], lastChat: null });
    default:
      return 'unknown';
  }
};
