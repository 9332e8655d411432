/** A conversation in text with a scripted LLM, without audio, room or service. */
import { initializeLogger, voice } from '@livekit/agents';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSpeechTracker } from '#agents/telephony/turns/speech-tracker.ts';
import { openConversation } from '#agents/telephony/flow/conversation.ts';
import { openCallEnd, type CallEnding } from '#agents/telephony/flow/call-end.ts';
import { openCachedSpeech } from '#agents/telephony/speech/cached-speech.ts';
import type { Command } from '#agents/telephony/report/agent-link.ts';
import type { CallJob } from '#src/protocol/job.ts';
import type { AgentEvent, SpokenTurn } from '#src/protocol/messages.ts';
import { openLog } from '#src/log.ts';
import { jobOf } from './fake-service.ts';

type Script = ConstructorParameters<typeof voice.testing.FakeLLM>[0];

export type TextCall = AsyncDisposable & {
  session: voice.AgentSession;
  agentEvents: AgentEvent[];
  turns: () => SpokenTurn[];
  /** `agent: Hello`, one line per turn. */
  lines: () => string[];
  /** Says something as the caller; resolves when the agent has replied. */
  say: (words: string) => Promise<void>;
  command: (command: Command) => void;
  ended: Promise<CallEnding>;
};

/** Opens a call whose LLM follows the script; resolves after the greeting. */
export const openTextCall = async (script: Script, more: Partial<CallJob> = {}): Promise<TextCall> => {
  initializeLogger({ pretty: false, level: 'silent' });
  const job = jobOf(more);
  const agentEvents: AgentEvent[] = [];
  const session = new voice.AgentSession({
    llm: new voice.testing.FakeLLM(script),
    vad: null,
    userAwayTimeout: null,
    turnHandling: { turnDetection: null, interruption: { mode: 'vad' } },
  });
  const tracker = openSpeechTracker(session);
  const callEnd = openCallEnd();
  const conversation = openConversation({
    ...{ job, session, tracker, callEnd },
    cachedSpeech: openCachedSpeech(job.cachedSpeech, () => {}),
    report: (event) => agentEvents.push(event),
    onStage: () => {},
    log: openLog({ level: 'silent', pii: true }),
  });
  await conversation.start();
  let execute: (command: Command) => void = () => {};
  const ended = conversation.run((take) => (execute = take));
  await sleep(50);
  const turns = () => agentEvents.flatMap((event) => (event.kind === 'turn' ? [event.turn] : []));
  return {
    session,
    agentEvents,
    turns,
    lines: () => turns().map(({ role, text }) => `${role}: ${text}`),
    say: async (words) => {
      await session.run({ userInput: words }).wait();
      await sleep(20);
    },
    command: (command) => execute(command),
    ended,
    [Symbol.asyncDispose]: async () => {
      callEnd.finish('caller_hangup');
      await ended;
      await session.close();
      await conversation.flush();
      conversation[Symbol.dispose]();
      tracker[Symbol.dispose]();
    },
  };
};
