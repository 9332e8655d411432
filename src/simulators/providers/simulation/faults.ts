/** Fault injection: which of the next requests fail, and how. */
import { z } from 'zod';

const common = {
  /** How many requests it affects. */
  times: z.union([z.int().min(1), z.literal('all')]).default(1),
  /** Only requests of this scenario. */
  scenario: z.string().optional(),
};

const status = {
  status: z.union([z.literal(429), z.literal(500), z.literal(503)]).default(500),
  retryAfterSeconds: z.number().min(0).optional(),
};

export const faultSchema = z.discriminatedUnion('service', [
  z.strictObject({
    service: z.literal('stt'),
    kind: z.enum(['refuse429', 'hangConnect', 'dropAfterMs', 'dropAtFinal', 'silent']),
    /** `dropAfterMs`: counted from when the socket opens, or from the next start of speech on any socket. */
    ms: z.number().min(0).default(0),
    since: z.enum(['open', 'speech']).default('open'),
    ...common,
  }),
  z.strictObject({
    service: z.literal('llm'),
    kind: z.enum(['status', 'hang', 'hangAfterHeaders', 'stallMidStream', 'cut', 'garbage']),
    /** `stallMidStream`, `cut`, `garbage`: how many tokens are sent first. */
    afterTokens: z.int().min(0).default(3),
    /** Only requests of this model. */
    model: z.string().optional(),
    ...status,
    ...common,
  }),
  z.strictObject({
    service: z.literal('tts'),
    kind: z.enum(['status', 'stall', 'empty', 'oddBytes']),
    /** `stall`: how many ms of audio are sent first; 0: not even the headers. */
    afterAudioMs: z.number().min(0).default(300),
    ...status,
    ...common,
  }),
]);

export type FaultInput = z.input<typeof faultSchema>;
export type Fault = z.output<typeof faultSchema>;
type OfService<S extends Fault['service']> = Extract<Fault, { service: S }>;

export type FaultQueue = {
  add(fault: Fault): void;
  clear(): void;
  /** The first pending fault of this service and scenario that passes `test`; counts as one use. */
  take<S extends Fault['service']>(
    service: S,
    scenario: string,
    test?: (fault: OfService<S>) => boolean,
  ): OfService<S> | null;
};

export const createFaultQueue = (): FaultQueue => {
  const entries: { fault: Fault; left: number }[] = [];
  return {
    add: (fault) => void entries.push({ fault, left: fault.times === 'all' ? Infinity : fault.times }),
    clear: () => void entries.splice(0),
    take(service, scenario, test = () => true) {
      for (const entry of entries) {
        const { fault } = entry;
        if (entry.left <= 0 || !isOf(fault, service)) continue;
        if ((fault.scenario ?? scenario) !== scenario || !test(fault)) continue;
        entry.left -= 1;
        return fault;
      }
      return null;
    },
  };
};

const isOf = <S extends Fault['service']>(fault: Fault, service: S): fault is OfService<S> => fault.service === service;
