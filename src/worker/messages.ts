/** The messages between the main thread and the worker's thread. */

/** The thread's `workerData`. */
export type ThreadInput = Readonly<{
  agentFile: string;
  agentName: string;
  livekit: Readonly<{ url: string; apiKey: string; apiSecret: string }>;
  /** Concurrent calls, plus the hosts that tell further callers that all lines are busy. */
  maxJobs: number;
  idleProcesses: number;
  logLevel: string;
}>;

export type ToThread =
  /** How many call hosts are ready: without one no job is accepted. */
  | Readonly<{ type: 'ready'; hosts: number }>
  /** Accept no new jobs; running ones continue. */
  | Readonly<{ type: 'drain' }>
  | Readonly<{ type: 'close' }>;

export type FromThread =
  | Readonly<{ type: 'registered'; workerId: string }>
  /** LiveKit is unreachable or closed the connection; sent before each reconnection attempt. */
  | Readonly<{ type: 'disconnected' }>
  /** A job was rejected because no call host was ready in time, or accepted but never assigned. LiveKit won't resend it. */
  | Readonly<{ type: 'refused'; room: string; metadata: string }>
  /** A job for this room was offered: `launched` or `refused` follows. */
  | Readonly<{ type: 'offered'; room: string }>
  /** It has its call host, which is joining the room. */
  | Readonly<{ type: 'launched'; room: string }>
  /** Draining: every accepted job has its call host. */
  | Readonly<{ type: 'drained' }>
  | Readonly<{ type: 'failure'; detail: string }>
  | Readonly<{ type: 'closed' }>;
