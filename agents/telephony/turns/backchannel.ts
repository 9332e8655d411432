/**
 * "Uh-huh": what people say to show that they listen, not to take the floor. Said while the agent speaks, it doesn't reach the
 * framework, which would take it for a turn and stop the agent. Said right before the end of a question, it is the answer to it.
 */
import { stt, voice } from '@livekit/agents';
import { TransformStream, type ReadableStream } from 'node:stream/web';

const backchannels = new Set(
  (
    'uh-huh uhhuh mm-hmm mmhmm mhm mm hm hmm mmm aha ah oh uh um okay ok right yeah yep alright sure good great cool nice wow ' +
    'really exactly'
  ).split(' '),
);
const phrases = /^(i see|got it|uh huh|mm hmm|all right|of course|go on|makes sense|i understand)$/;

/** Whether words only say that somebody listens. */
export const isBackchannel = (text: string): boolean => {
  const plain = text
    .toLowerCase()
    .replace(/[^\p{L}' -]/gu, '')
    .trim();
  const words = plain.split(/\s+/);
  return phrases.test(plain) || (words.length <= 3 && words.every((word) => backchannels.has(word)));
};

/** A backchannel so shortly before the agent has finished asking answers the question. */
const answersWithinMs = 1_500;

type Held = { event: stt.SpeechEvent; at: number };

type Recognition = ReadableStream<stt.SpeechEvent | string>;

/** Keeps backchannels from a session's recognition while its agent speaks. */
export const openBackchannelFilter = () => {
  let held: Held | null = null;
  let put: (event: stt.SpeechEvent) => void = () => {};
  const talk = followTalk((speech) => {
    const late = held !== null && Date.now() - held.at > answersWithinMs;
    if (held !== null && !late && !speech.interrupted && endsWithQuestion(speech)) put(held.event);
    held = null;
  });
  const filter = new TransformStream<stt.SpeechEvent | string, stt.SpeechEvent | string>({
    start: (controller) => {
      put = (event) => controller.enqueue(event);
    },
    transform: (event, controller) => {
      if (!talk.isOn() || typeof event === 'string' || !isHeardBackchannel(event)) controller.enqueue(event);
      else if (event.type === stt.SpeechEventType.FINAL_TRANSCRIPT) held = { event, at: Date.now() };
    },
    flush: () => {
      put = () => {};
    },
  });
  return { watch: talk.watch, filter: (events: Recognition): Recognition => events.pipeThrough(filter) };
};

/** Knows the speech that the caller hears now, also while it is paused. `onTold` is called when it is over. */
export const followTalk = (onTold: (speech: voice.SpeechHandle) => void = () => {}) => {
  let latest: voice.SpeechHandle | null = null;
  let talking: voice.SpeechHandle | null = null;
  const onState = ({ newState }: voice.AgentStateChangedEvent): void => {
    if (newState !== 'speaking' || latest === null || latest === talking || latest.done()) return;
    talking = latest;
    latest.addDoneCallback((speech) => {
      if (talking === speech) talking = null;
      onTold(speech);
    });
  };
  return {
    isOn: (): boolean => talking !== null && !talking.interrupted,
    isAbout: (speech: voice.SpeechHandle): boolean => talking === speech,
    /** To be called before the session starts. */
    watch: (session: voice.AgentSession): void => {
      session.on(voice.AgentSessionEventTypes.SpeechCreated, ({ speechHandle }) => {
        latest = speechHandle;
      });
      session.on(voice.AgentSessionEventTypes.AgentStateChanged, onState);
    },
  };
};

/** Whether a recognition's event is a transcript. */
export const hasWords = ({ type }: stt.SpeechEvent): boolean =>
  type === stt.SpeechEventType.FINAL_TRANSCRIPT ||
  type === stt.SpeechEventType.INTERIM_TRANSCRIPT ||
  type === stt.SpeechEventType.PREFLIGHT_TRANSCRIPT;

const isHeardBackchannel = (event: stt.SpeechEvent): boolean =>
  hasWords(event) && isBackchannel(event.alternatives?.[0].text ?? '');

const endsWithQuestion = (speech: voice.SpeechHandle): boolean => {
  const said = speech.chatItems.findLast((item) => item.type === 'message');
  return (said?.textContent ?? '').trim().endsWith('?');
};
