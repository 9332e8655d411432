/**
 * LiveKit's server with a SIP service behind it, as far as a cold transfer needs one: TransferSIPParticipant is answered here, as the
 * test says, everything else by the real server, from which agents' servers can be kept away. No carrier is part of it.
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { TokenVerifier } from 'livekit-server-sdk';

const transferPath = '/twirp/livekit.SIP/TransferSIPParticipant';
/** An agents' server keeps a WebSocket here. */
const workerPath = '/agent';

export type AskedTransfer = Readonly<{ room: string; identity: string; to: string }>;

export type SipApi = AsyncDisposable & {
  /** ws://… */
  url: string;
  asked: AskedTransfer[];
  /** What becomes of a transfer; by default the person answers. Rejects: nobody takes the call. */
  onTransfer: (asked: AskedTransfer) => Promise<void>;
  /** Whether agents' servers come through; shut out, they are thrown out too. */
  admitWorkers: (isAdmitted: boolean) => void;
};

type Keys = Readonly<{ apiKey: string; apiSecret: string }>;

/** Opens it in front of the LiveKit server at `url`. */
export const openSipApi = async ({ url, ...keys }: Keys & { url: string }): Promise<SipApi> => {
  const target = new URL(url);
  const server = createServer();
  const sockets = new Set<Socket>();
  const workers = new Set<Socket>();
  let isAdmitted = true;
  const api: SipApi = {
    url: '',
    asked: [],
    onTransfer: () => Promise.resolve(),
    admitWorkers: (are) => {
      isAdmitted = are;
      if (!are) for (const socket of workers) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (asked, answer) => {
    if (asked.url === transferPath)
      transfer(api, keys, asked, answer).catch((error: unknown) => answer.destroy(Error(String(error))));
    else forward(target, asked, answer);
  });
  server.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
    if (asked.url?.startsWith(workerPath) === true) {
      if (!isAdmitted) return void socket.destroy();
      workers.add(socket.once('close', () => workers.delete(socket)));
    }
    tunnel(target, asked, socket, head);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(api, { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` });
};

const transfer = async (api: SipApi, keys: Keys, asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
  const say = (status: number, body: object) => {
    answer.writeHead(status, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(body));
  };
  const body = (await json(asked)) as Record<string, string>;
  const wanted = {
    room: body['roomName'] ?? body['room_name'] ?? '',
    identity: body['participantIdentity'] ?? body['participant_identity'] ?? '',
    to: body['transferTo'] ?? body['transfer_to'] ?? '',
  };
  try {
    const token = (asked.headers.authorization ?? '').replace('Bearer ', '');
    const { sip, video } = await new TokenVerifier(keys.apiKey, keys.apiSecret).verify(token);
    if (sip?.call !== true || video?.room !== wanted.room) throw new Error('not allowed');
    api.asked.push(wanted);
    await api.onTransfer(wanted);
    say(200, {});
  } catch (error) {
    say(503, { code: 'unavailable', msg: String(error) });
  }
};

const forward = ({ hostname, port }: URL, asked: IncomingMessage, answer: ServerResponse): void => {
  const { url: path, method, headers } = asked;
  const forwarded = request({ hostname, port, path, method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  forwarded.on('error', () => answer.writeHead(502).end());
  asked.pipe(forwarded);
};

const tunnel = ({ hostname, port }: URL, asked: IncomingMessage, socket: Socket, head: Buffer): void => {
  const server = connect(Number(port), hostname, () => {
    const headers = asked.rawHeaders.flatMap((name, at) =>
      at % 2 === 0 ? [`${name}: ${asked.rawHeaders[at + 1]}`] : [],
    );
    server.write([`${asked.method} ${asked.url} HTTP/1.1`, ...headers, '', ''].join('\r\n'));
    server.write(head);
    server.pipe(socket).pipe(server);
  });
  for (const [one, other] of [
    [server, socket],
    [socket, server],
  ] as const)
    one.on('error', () => other.destroy()).on('close', () => other.destroy());
};
