/** A client for LiveKit's inbound SIP trunks and dispatch rules. */
import {
  RoomAgentDispatch,
  RoomConfiguration,
  SIPDispatchRule,
  SIPDispatchRuleIndividual,
  SipClient,
  type SIPDispatchRuleInfo,
  type SipInboundTrunkUpdateOptions,
} from 'livekit-server-sdk';
import { livekitRequest } from './request.ts';

/** An inbound trunk. Without numbers it accepts calls to any number. */
export type SipTrunk = Readonly<{
  id: string;
  name: string;
  numbers: readonly string[];
  /** Source addresses or ranges; empty: any. */
  allowedAddresses: readonly string[];
  /** Caller numbers; empty: any. */
  allowedCallers: readonly string[];
  metadata: string;
}>;

/** A dispatch rule: which room a call gets, and which agents are dispatched there. */
export type SipRule = Readonly<{
  id: string;
  name: string;
  /** The trunks that it applies to; empty: all trunks without a rule of their own. */
  trunkIds: readonly string[];
  /** `individual`: a room with a random name for each call. In all other kinds, calls share rooms. */
  kind: string;
  pin: string;
  /** Limited to these callers and dialed numbers; empty: any. */
  callers: readonly string[];
  dialed: readonly string[];
  /** Whether both phone numbers are hidden from the agent. */
  hidesNumbers: boolean;
  agents: readonly string[];
  /** Also set on the caller's participant. */
  metadata: string;
}>;

type TrunkSpec = Readonly<{
  name: string;
  numbers: readonly string[];
  /** Null: unchanged (any, for a new trunk). */
  allowedAddresses: readonly string[] | null;
  metadata: string;
}>;

export type RuleSpec = Readonly<{ name: string; trunkIds: readonly string[]; agentName: string; metadata: string }>;

export type Sip = Readonly<{
  trunks: () => Promise<SipTrunk[]>;
  rules: () => Promise<SipRule[]>;
  /** @returns the id */
  createTrunk: (spec: TrunkSpec) => Promise<string>;
  /** Keeps the name, and whatever else the spec doesn't contain. */
  updateTrunk: (id: string, spec: TrunkSpec) => Promise<void>;
  /** @returns the id */
  createRule: (spec: RuleSpec) => Promise<string>;
  /** Turns it into an individual rule for the trunks and the agent of the spec; keeps the rest, such as the name. */
  updateRule: (id: string, spec: RuleSpec) => Promise<void>;
}>;

/** LiveKit appends "_", the caller's number, "_" and a random string. */
const roomPrefix = 'sip-room-';
const requestTimeoutSeconds = 10;

const ruleOf = (info: SIPDispatchRuleInfo): SipRule => {
  const kind = info.rule?.rule;
  const isShared = kind?.case === 'dispatchRuleIndividual' && kind.value.noRandomness;
  return {
    id: info.sipDispatchRuleId,
    name: info.name,
    trunkIds: info.trunkIds,
    kind:
      (kind?.case ?? 'unknown').replace('dispatchRule', '').toLowerCase() + (isShared ? ', one room per caller' : ''),
    pin: kind?.value?.pin ?? '',
    callers: info.inboundNumbers,
    dialed: info.numbers,
    hidesNumbers: info.hidePhoneNumber,
    agents: info.roomConfig?.agents.map(({ agentName }) => agentName) ?? [],
    metadata: info.metadata,
  };
};

/** One room per call. Keeps an existing room prefix. */
const individual = (current?: SIPDispatchRule): SIPDispatchRule => {
  const prefix = current?.rule.case === 'dispatchRuleIndividual' ? current.rule.value.roomPrefix : roomPrefix;
  const value = new SIPDispatchRuleIndividual({ roomPrefix: prefix });
  return new SIPDispatchRule({ rule: { case: 'dispatchRuleIndividual', value } });
};

const agentsOf = (spec: RuleSpec): RoomAgentDispatch[] => [new RoomAgentDispatch({ agentName: spec.agentName })];

/** The SDK completes partial messages, but doesn't export their class. */
type ListUpdate = NonNullable<SipInboundTrunkUpdateOptions['numbers']>;

/** Replaces a list of a trunk. Emptying it takes a flag of its own. */
const listUpdate = (list: readonly string[]): ListUpdate =>
  list.length === 0 ? ({ clear: true } as ListUpdate) : ({ set: [...list] } as ListUpdate);

const trunkUpdate = ({ numbers, metadata, allowedAddresses }: TrunkSpec): SipInboundTrunkUpdateOptions => ({
  numbers: listUpdate(numbers),
  metadata,
  ...(allowedAddresses === null ? {} : { allowedAddresses: listUpdate(allowedAddresses) }),
});

const createRule = async (client: SipClient, spec: RuleSpec): Promise<string> => {
  const created = await client.createSipDispatchRule(
    { type: 'individual', roomPrefix },
    {
      name: spec.name,
      metadata: spec.metadata,
      trunkIds: [...spec.trunkIds],
      roomConfig: new RoomConfiguration({ agents: agentsOf(spec) }),
    },
  );
  return created.sipDispatchRuleId;
};

/** Replaces the whole rule: LiveKit offers no other way to change its agents. */
const replaceRule = async (client: SipClient, id: string, spec: RuleSpec): Promise<void> => {
  const info = (await client.listSipDispatchRule()).find((rule) => rule.sipDispatchRuleId === id);
  if (info === undefined) throw new Error(`dispatch rule ${id} no longer exists`);
  info.rule = individual(info.rule);
  info.trunkIds = [...spec.trunkIds];
  info.inboundNumbers = [];
  info.numbers = [];
  info.hidePhoneNumber = false;
  info.metadata = spec.metadata;
  info.roomConfig ??= new RoomConfiguration();
  info.roomConfig.agents = agentsOf(spec);
  await client.updateSipDispatchRule(id, info);
};

/**
 * A client of the SIP side of the LiveKit server at `url` (ws… or http…). Doesn't connect by itself. All functions
 * throw AppError `livekit_unavailable` if the server rejects a request or doesn't respond within 10 s. A self-hosted server without
 * Redis rejects all of them.
 */
export const openSip = (options: { url: string; apiKey: string; apiSecret: string }): Sip => {
  const client = new SipClient(options.url, options.apiKey, options.apiSecret, {
    requestTimeout: requestTimeoutSeconds,
  });
  return {
    trunks: async () =>
      (await livekitRequest('list its SIP trunks', client.listSipInboundTrunk())).map((trunk) => ({
        id: trunk.sipTrunkId,
        name: trunk.name,
        numbers: trunk.numbers,
        allowedAddresses: trunk.allowedAddresses,
        allowedCallers: trunk.allowedNumbers,
        metadata: trunk.metadata,
      })),
    rules: async () => (await livekitRequest('list its dispatch rules', client.listSipDispatchRule())).map(ruleOf),
    createTrunk: async ({ name, numbers, metadata, allowedAddresses }) => {
      const options = { metadata, allowedAddresses: [...(allowedAddresses ?? [])] };
      return (await livekitRequest('create the SIP trunk', client.createSipInboundTrunk(name, [...numbers], options)))
        .sipTrunkId;
    },
    updateTrunk: async (id, spec) => {
      await livekitRequest(`update SIP trunk ${id}`, client.updateSipInboundTrunkFields(id, trunkUpdate(spec)));
    },
    createRule: (spec) => livekitRequest('create the dispatch rule', createRule(client, spec)),
    updateRule: (id, spec) => livekitRequest(`update dispatch rule ${id}`, replaceRule(client, id, spec)),
  };
};
