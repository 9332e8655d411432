/** The conversation itself: greeting, silence, limits, commands and goodbyes around a running session. */
import { voice } from '@livekit/agents';
import type { CallJob } from '#src/protocol/job.ts';
import type { AgentEvent, PickupStage } from '#src/protocol/messages.ts';
import type { Log } from '#src/log.ts';
import type { AgentActions } from '../session/agent.ts';
import type { Ender, Ending } from './call-end.ts';
import { firstWords, greet } from '../speech/greeting.ts';
import type { Command } from '../report/agent-link.ts';
import { watchPlayout } from '../speech/playout.ts';
import type { Prepared } from '../speech/cached-speech.ts';
import { openSilence } from '../turns/no-input.ts';
import { openSpeaker, stopSpeech, type Speak, type Spoken } from '../speech/say.ts';
import { atMost, openTasks, type Tasks } from '../report/background-tasks.ts';
import { asksToWait } from '../turns/phrases/wait-request.ts';
import { openTransfer, type Transfer } from './transfer.ts';
import { watchTroubles, type Part } from './failure-policy.ts';
import { recordTurns, type Turns } from '../report/transcript.ts';

export type ConversationOptions = {
  job: CallJob;
  /** Has its audio, if any, and is not started. */
  session: voice.AgentSession;
  prepared: Prepared;
  ender: Ender;
  tell: (event: AgentEvent) => void;
  /** Tells that a stage of pick-up is reached. */
  mark: (stage: PickupStage) => void;
  log: Log;
};

export type Conversation = Disposable & {
  /** What the agent's tools do. */
  actions: AgentActions;
  /** Holds the conversation, from the moment the caller can hear us, to its end. */
  hold: (onCommand: (take: (command: Command) => void) => void) => Promise<Ending>;
  /** Says one sentence to its end, and ends. */
  announce: () => Promise<Ending>;
  /** Tells what is still to be told of the turns. */
  flush: () => Promise<void>;
};

/** A goodbye takes at most this long to be heard, its tail included. */
const longestGoodbyeMs = 20_000;
const flushTimeoutMs = 1_000;
const fallSilentMs = 500;

/** Prepares a conversation: from here on its turns and troubles are told. */
export const openConversation = (options: ConversationOptions): Conversation => {
  const { job, session, prepared, ender, tell } = options;
  using opened = new DisposableStack();
  const playout = opened.use(watchPlayout(session));
  const trouble = (part: Part, detail: string) => tell({ kind: 'failure', part, detail });
  const speak = openSpeaker(session, playout, prepared);
  const tasks = openTasks(options.log, (detail) => trouble('session', detail));
  const transfer = openTransfer({ job, session, ender, speak, tasks, tell });
  const troubles = opened.use(watchTroubles(session, { tell: trouble, job, playout, speak, ender, tasks, transfer }));
  const turns = opened.use(
    recordTurns(session, playout, {
      firstSeq: job.firstTurnSeq,
      tell: (turn) => tell({ kind: 'turn', turn }),
      onReply: troubles.recovered,
    }),
  );
  const held: Held = { ...options, speak, tasks, turns, transfer, greetingIsOver: troubles.greetingIsOver };
  const kept = opened.move();
  return {
    actions: {
      hangUp: (saidWords, goodbye) => hangUp(held, saidWords, goodbye),
      takeMessage: (message) => tell({ kind: 'message_taken', ...message }),
      transferTo: (saidWords, destination) => void transfer.begin({ destination, cause: 'model' }, saidWords),
    },
    hold: (onCommand) => converse(held, onCommand),
    announce: () => announce(held),
    flush: async () => {
      await tasks.settle(flushTimeoutMs);
      turns.flush();
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
};

type Held = ConversationOptions & {
  speak: Speak;
  tasks: Tasks;
  turns: Turns;
  transfer: Transfer;
  greetingIsOver: () => void;
};

const converse = async (held: Held, onCommand: (take: (command: Command) => void) => void): Promise<Ending> => {
  const { session, ender } = held;
  using _limit = startLimit(held);
  const caller = listenToCaller(session);
  onCommand((command) => obey(held, command));
  const spoken = await Promise.race([open(held, () => caller.spoke), ender.done.then(() => null)]);
  if (spoken !== null) held.mark('greeted');
  held.greetingIsOver();
  using _silence = mindSilence(session, held);
  const ending = await ender.done;
  await fallSilent(session);
  return ending;
};

/** What must be told first, and the greeting; null where the caller has the first word. */
const open = async ({ job, speak }: Held, callerSpoke: () => boolean): Promise<Spoken | null> => {
  const told = job.history.length > 0 ? 'heard' : await speak(job.systemMessages.disclosure, { interruptible: false });
  if (told === 'failed') await speak(job.systemMessages.disclosure, { interruptible: false });
  const greeting = firstWords(job);
  return greeting === null ? null : greet(speak, greeting, callerSpoke);
};

const announce = async ({ job, ender, speak }: Held): Promise<Ending> => {
  if (ender.begin('announced')) {
    const first = await speak(job.systemMessages.announcement, { interruptible: false });
    if (first === 'failed') await speak(job.systemMessages.announcement, { interruptible: false });
    ender.finish('announced');
  }
  return ender.done;
};

/** Ends the call politely: stops what is being said, says a last sentence, and finishes. */
const endPolitely = (
  { session, ender, speak, tasks, turns }: Held,
  reason: Ending['reason'],
  sentence: string,
): void => {
  if (!ender.begin(reason)) return;
  tasks.add('goodbye', async () => {
    stopSpeech(session);
    turns.flush();
    const spoken = await speak(sentence, { interruptible: false });
    if (spoken === 'failed') await speak(sentence, { interruptible: false });
    ender.finish(reason);
  });
};

/** Cuts off what is being said, so that its record is complete, as far as it was heard. */
const fallSilent = async (session: voice.AgentSession): Promise<void> => {
  try {
    await atMost(fallSilentMs, session.interrupt().await);
  } catch {
    session.interrupt({ force: true }); // a goodbye, to which nobody listens any more
  }
};

/** The model hangs up: its own words are heard first, or else a goodbye is said. */
const hangUp = (
  { ender, speak, turns, tasks, job }: Held,
  saidWords: Promise<unknown>,
  goodbye: string | null,
): void => {
  if (!ender.begin('agent_hangup')) return;
  tasks.add('hang up', async () => {
    await atMost(longestGoodbyeMs, saidWords);
    const said = turns.lastWords();
    const isSaid = said !== null && (goodbye === null || plain(said).includes(plain(goodbye)));
    if (!isSaid) await speak(goodbye ?? job.systemMessages.goodbye, { interruptible: false });
    ender.finish('agent_hangup');
  });
};

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

const obey = (held: Held, command: Command): void => {
  const { transfer, ender, tasks, speak, job } = held;
  switch (command.type) {
    case 'end':
      return endPolitely(
        held,
        command.reason,
        command.say ?? (command.reason === 'agent_error' ? job.systemMessages.farewell : ''),
      );
    case 'transfer':
      transfer.begin({ destination: command.destination, cause: 'person' });
      return;
    case 'resume':
      return transfer.resume();
    case 'say':
      if (!ender.begun) tasks.add('say', () => speak(command.text));
  }
};

const startLimit = (held: Held): Disposable => {
  const { limits, systemMessages: sentences } = held.job;
  const timer = setTimeout(() => endPolitely(held, 'time_limit', sentences.timeLimit), limits.maxCallMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
};

const listenToCaller = (session: voice.AgentSession): { readonly spoke: boolean } => {
  const caller = { spoke: false };
  session.on(voice.AgentSessionEventTypes.UserInputTranscribed, ({ transcript }) => {
    if (transcript.trim() !== '') caller.spoke = true;
  });
  return caller;
};

/** Wires the clock of silence.ts to the session. */
const mindSilence = (session: voice.AgentSession, held: Held): Disposable => {
  const { job, tasks, speak, ender, transfer } = held;
  let asking = false;
  const ask = async () => {
    asking = true;
    await speak(job.systemMessages.noInput);
    asking = false;
  };
  const silence = openSilence(job.limits, {
    ask: () => (ender.begun || transfer.isUnderWay ? undefined : tasks.add('ask', ask)),
    goodbye: () => (transfer.isUnderWay ? undefined : endPolitely(held, 'silence', job.systemMessages.goodbye)),
  });
  session.on(voice.AgentSessionEventTypes.AgentStateChanged, ({ newState }) => {
    if (asking) return;
    if (newState === 'thinking' || newState === 'speaking') silence.agentBusy();
    else silence.agentDone();
  });
  session.on(voice.AgentSessionEventTypes.UserStateChanged, ({ newState }) =>
    newState === 'speaking' ? silence.callerSpeaks() : silence.callerSilent(),
  );
  session.on(voice.AgentSessionEventTypes.UserInputTranscribed, ({ isFinal, transcript }) => {
    if (isFinal) silence.callerSaid(asksToWait(transcript));
  });
  if (session.agentState === 'listening') silence.agentDone();
  return silence;
};
