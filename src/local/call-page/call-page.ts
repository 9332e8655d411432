/** `/call`: a page to call the agent from the browser, as a simulated caller. In local mode only, and for this machine only. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.ts';
import {
  createCallerToken,
  createSipCall,
  dispatchAgent,
  type LivekitAccess,
} from '../../simulators/caller/sip-participant.ts';

type CallPageOptions = {
  livekit: LivekitAccess;
  /** The agent to dispatch. */
  agentName: string;
  /** The number to dial, in E.164. */
  number: string;
  /** The page then says that the agent does not hear what the user says. */
  isSttSimulated: boolean;
};

/** What the page needs to join the room of a new call. */
type PageCall = { url: string; token: string; room: string; from: string };

const loopback = /^(127\.|::1$|::ffff:127\.)/;
const hostNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Checks the Host and Origin headers too, not only the client's address: a web page elsewhere can make this browser send requests
 * here, and can point its own domain name at this machine.
 */
const rejectForeignOrigins = async (request: FastifyRequest): Promise<void> => {
  const { host = '', origin } = request.headers;
  const isLocal =
    loopback.test(request.socket.remoteAddress ?? '') && hostNames.has(URL.parse(`http://${host}`)?.hostname ?? '');
  const isSameOrigin = origin === undefined || URL.parse(origin)?.host === host;
  if (!isLocal || !isSameOrigin)
    throw new AppError('unproven', 'The call page is available only on this machine, at http://localhost.');
};

/** A number reserved for fictional use. */
const fictionalNumber = (): string => `+1555555${String(randomInt(100, 200)).padStart(4, '0')}`;

/** Creates a room with an agent dispatched to it, and a token for the caller. */
const startPageCall = async ({ livekit, agentName, number }: CallPageOptions): Promise<PageCall> => {
  const from = fictionalNumber();
  const call = createSipCall({ from, to: number });
  const token = await createCallerToken(livekit, call);
  await dispatchAgent(livekit, call.room, { agentName });
  return { url: livekit.url, token, room: call.room, from };
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const contentSecurityPolicy = (livekitUrl: string): string =>
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

const simulatedSttNotice = `<p class="notice">Speech-to-text is simulated: whatever you say, the agent hears a fixed script. Set <code>DEEPGRAM_API_KEY</code> to be understood.</p>`;

const renderHtml = async ({ number, isSttSimulated }: CallPageOptions): Promise<string> =>
  (await readOwn('call-page.html'))
    .replaceAll('{{number}}', escapeHtml(parsePhoneNumberFromString(number)?.formatInternational() ?? number))
    .replace('{{notice}}', isSttSimulated ? simulatedSttNotice : '');

const readOwn = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8');

/** The Fastify plugin that serves the page, its files, and `POST /call/token`. */
export const callPage =
  (options: CallPageOptions) =>
  async (app: FastifyInstance): Promise<void> => {
    const files = {
      '/call': ['text/html; charset=utf-8', await renderHtml(options)],
      '/call/style.css': ['text/css; charset=utf-8', await readOwn('call-page.css')],
      '/call/client.js': ['text/javascript; charset=utf-8', await readOwn('call-page-client.js')],
      '/call/livekit-client.js': [
        'text/javascript; charset=utf-8',
        await readFile(fileURLToPath(import.meta.resolve('livekit-client')), 'utf8'),
      ],
    } as const;
    app.addHook('onRequest', rejectForeignOrigins);
    for (const [path, [type, body]] of Object.entries(files)) {
      app.get(path, async (_request, reply: FastifyReply) => {
        reply.header('content-security-policy', contentSecurityPolicy(options.livekit.url));
        reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-cache');
        return reply.type(type).send(body);
      });
    }
    app.post('/call/token', () => startPageCall(options));
  };
