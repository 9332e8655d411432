/** The control endpoint: what will be said, scenarios, delays, faults, and the log of what came. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { faultSchema } from './state/faults.ts';
import { readJson, sendJson } from './state/http.ts';
import { saidSchema } from './state/lines.ts';
import { scenarioSchema } from './state/scenario.ts';
import { delaysSchema } from './state/settings.ts';
import type { Sim } from './state/sim.ts';

/** Answers a request to `/control/…`. */
export async function control(
  sim: Sim,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
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
}

async function act(sim: Sim, route: string, name: string, request: IncomingMessage): Promise<unknown> {
  switch (route) {
    case 'POST /control/said': {
      const said = saidSchema.parse(await readJson(request));
      return sim.lines.say(said, said.scenario ?? sim.defaultScenario);
    }
    case 'PUT /control/scenarios/NAME': {
      const scenario = scenarioSchema.parse({
        ...((await readJson(request)) as object),
        name: decodeURIComponent(name),
      });
      sim.scenarios.set(scenario.name, scenario);
      return sim.lines.forget(scenario.name);
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
}
