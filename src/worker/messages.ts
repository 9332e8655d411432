/** What the main thread and the worker's thread say to each other. */

/** Given to the thread when it starts. */
export type ThreadInput = Readonly<{
  agentFile: string;
  agentName: string;
  livekit: Readonly<{ url: string; apiKey: string; apiSecret: string }>;
  /** Calls at once, and the processes beyond them that say "busy". */
  maxJobs: number;
  idleProcesses: number;
  logLevel: string;
}>;

export type ToThread =
  /** How many call processes are ready: without one no job is accepted. */
  | Readonly<{ type: 'ready'; processes: number }>
  /** No new jobs; running ones go on. */
  | Readonly<{ type: 'drain' }>
  | Readonly<{ type: 'close' }>;

export type FromThread =
  | Readonly<{ type: 'registered'; workerId: string }>
  /** LiveKit can't be reached, or threw us out; told before each further try. */
  | Readonly<{ type: 'disconnected' }>
  /** A job was refused since no call process was ready in time, or accepted and never assigned: nobody will send it again but we. */
  | Readonly<{ type: 'refused'; room: string; metadata: string }>
  /** A job for this room was offered: it gets a call process, at once or when one is ready, or is refused. */
  | Readonly<{ type: 'coming'; room: string }>
  /** It has its call process, which enters the room. */
  | Readonly<{ type: 'came'; room: string }>
  /** Draining: every accepted job has its call process. */
  | Readonly<{ type: 'settled' }>
  | Readonly<{ type: 'trouble'; detail: string }>
  | Readonly<{ type: 'closed' }>;
