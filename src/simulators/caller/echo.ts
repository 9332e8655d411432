/** The echo of a speakerphone: what the caller hears comes back through the microphone, quieter and later. */

export type EchoPath = Readonly<{ gainDb: number; delayMs: number }>;

/** Loudspeaker and microphone share a clock: echo that lags more than this behind its delay is dropped. */
const maxLagMs = 200;

export type Echo = {
  /** null: a handset, without echo. */
  setPath: (path: EchoPath | null) => void;
  /** What the loudspeaker plays. */
  play: (samples: Int16Array) => void;
  /** The next `length` samples that reach the microphone. */
  take: (length: number) => Int16Array;
};

export const createEcho = (sampleRate: number): Echo => {
  let path: EchoPath | null = null;
  let pending: number[] = [];
  const perMs = sampleRate / 1000;
  return {
    setPath: (newPath) => {
      path = newPath;
      pending = Array.from({ length: (newPath?.delayMs ?? 0) * perMs }, () => 0);
    },
    play: (samples) => {
      if (path === null) return;
      const gain = 10 ** (path.gainDb / 20);
      for (const sample of samples) pending.push(sample * gain);
      const late = pending.length - (path.delayMs + maxLagMs) * perMs;
      if (late > 0) pending.splice(0, late);
    },
    take: (length) => Int16Array.from(pending.splice(0, length)),
  };
};
