/** `/call`: a page that phones the agent from the browser, as a simulated caller. Local mode only, and for this machine only. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';
import {
  createSipCall,
  createCallerToken,
  dispatchAgent,
  type LivekitAccess,
} from '../../simulators/caller/sip-participant.ts';

type CallPageOptions = {
  livekit: LivekitAccess;
  /** Who is sent to the room of such a call. */
  agentName: string;
  /** The number that is dialed, in E.164. */
  number: string;
};

/** What the page needs to phone: where, as whom, and in which room. */
type PageCall = { url: string; token: string; room: string; from: string };

const loopback = /^(127\.|::1$|::ffff:127\.)/;
const hostNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * A page elsewhere on the web can make this browser ask us, and can give its own name our address: so it is not enough that
 * the question comes from this machine.
 */
const rejectForeignOrigins = async (request: FastifyRequest): Promise<void> => {
  const { host = '', origin } = request.headers;
  const isHere =
    loopback.test(request.socket.remoteAddress ?? '') && hostNames.has(URL.parse(`http://${host}`)?.hostname ?? '');
  const isOurs = origin === undefined || URL.parse(origin)?.host === host;
  if (!isHere || !isOurs)
    throw new AppError('unproven', 'The call page works on this machine only: open http://localhost.');
};

/** A number of those that are never given to anybody. */
const someNumber = (): string => `+1555555${String(randomInt(100, 200)).padStart(4, '0')}`;

/** Makes a room with an agent on its way to it, and the token of the caller. */
const startPageCall = async ({ livekit, agentName, number }: CallPageOptions): Promise<PageCall> => {
  const from = someNumber();
  const facts = createSipCall({ from, to: number });
  const token = await createCallerToken(livekit, facts);
  await dispatchAgent(livekit, facts.room, { agentName });
  return { url: livekit.url, token, room: facts.room, from };
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const policyFor = (livekitUrl: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `connect-src 'self' ${livekitUrl} ${livekitUrl.replace(/^ws/, 'http')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

const readOwn = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

/** The Fastify plugin that serves the page, its parts, and `POST /call/token`. */
export const callPage =
  (options: CallPageOptions) =>
  async (app: FastifyInstance): Promise<void> => {
    const html = (await readOwn('call-page.html')).replaceAll('{{number}}', escapeHtml(options.number));
    const parts = {
      '/call': ['text/html; charset=utf-8', html],
      '/call/style.css': ['text/css; charset=utf-8', await readOwn('call-page.css')],
      '/call/client.js': ['text/javascript; charset=utf-8', await readOwn('call-page-client.js')],
      '/call/livekit-client.js': [
        'text/javascript; charset=utf-8',
        await readFile(fileURLToPath(import.meta.resolve('livekit-client')), 'utf8'),
      ],
    } as const;
    app.addHook('onRequest', rejectForeignOrigins);
    for (const [path, [type, body]] of Object.entries(parts)) {
      app.get(path, async (_request, reply: FastifyReply) => {
        reply.header('content-security-policy', policyFor(options.livekit.url));
        reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-cache');
        return reply.type(type).send(body);
      });
    }
    app.post('/call/token', () => startPageCall(options));
  };
