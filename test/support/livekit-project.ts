/**
 * What a service sees of a LiveKit server: a project of its own. Rooms of other tests are not listed, agent workers can be kept out, and
 * a SIP service answers TransferSIPParticipant as the test says; everything else goes to the real server. No carrier is part of it.
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { TokenVerifier } from 'livekit-server-sdk';

const transferPath = '/twirp/livekit.SIP/TransferSIPParticipant';
const listRoomsPath = '/twirp/livekit.RoomService/ListRooms';
/** An agent worker keeps a WebSocket here. */
const workerPath = '/agent';

export type RequestedTransfer = Readonly<{ room: string; identity: string; to: string }>;

export type LivekitProject = AsyncDisposable & {
  /** ws://… */
  url: string;
  /** The transfers requested so far. */
  transfers: RequestedTransfer[];
  /** The outcome of a transfer: resolves once the other person has answered (the default, at once), rejects when nobody does. */
  onTransfer: (transfer: RequestedTransfer) => Promise<void>;
  /** Whether agent workers may connect. `false` also disconnects those that are. */
  admitWorkers: (isAdmitted: boolean) => void;
};

type Server = Readonly<{ url: string; apiKey: string; apiSecret: string }>;

/**
 * Opens a project on `server`.
 * @param roomPrefix the beginning of the names of its rooms; all rooms of the server where empty
 */
export const openLivekitProject = async (server: Server, roomPrefix: string): Promise<LivekitProject> => {
  const target = new URL(server.url);
  const gateway = createServer();
  const sockets = new Set<Socket>();
  const workers = new Set<Socket>();
  let isAdmitted = true;
  const project: LivekitProject = {
    url: '',
    transfers: [],
    onTransfer: () => Promise.resolve(),
    admitWorkers: (are) => {
      isAdmitted = are;
      if (!are) for (const socket of workers) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => gateway.close(resolve));
    },
  };
  gateway.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  gateway.on('request', (asked, answer) => {
    const fail = (error: unknown) => answer.destroy(Error(String(error)));
    if (asked.url === transferPath) transfer(project, server, asked, answer).catch(fail);
    else if (asked.url === listRoomsPath) listRooms(target, roomPrefix, asked, answer).catch(fail);
    else forward(target, asked, answer);
  });
  gateway.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
    if (asked.url?.startsWith(workerPath) === true) {
      if (!isAdmitted) return void socket.destroy();
      workers.add(socket.once('close', () => workers.delete(socket)));
    }
    tunnel(target, asked, socket, head);
  });
  gateway.listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  return Object.assign(project, { url: `ws://127.0.0.1:${(gateway.address() as AddressInfo).port}` });
};

const reply = (answer: ServerResponse, status: number, body: unknown): void => {
  answer.writeHead(status, { 'content-type': 'application/json' });
  answer.end(JSON.stringify(body));
};

const transfer = async (
  project: LivekitProject,
  keys: Server,
  asked: IncomingMessage,
  answer: ServerResponse,
): Promise<void> => {
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
    project.transfers.push(wanted);
    await project.onTransfer(wanted);
    reply(answer, 200, {});
  } catch (error) {
    reply(answer, 503, { code: 'unavailable', msg: String(error) });
  }
};

const listRooms = async (
  target: URL,
  roomPrefix: string,
  asked: IncomingMessage,
  answer: ServerResponse,
): Promise<void> => {
  const { authorization = '' } = asked.headers;
  const response = await fetch(`http://${target.host}${listRoomsPath}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(await json(asked)),
  });
  const body = (await response.json()) as { rooms?: { name: string }[] };
  if (!response.ok) return reply(answer, response.status, body);
  reply(answer, 200, { rooms: (body.rooms ?? []).filter(({ name }) => name.startsWith(roomPrefix)) });
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
