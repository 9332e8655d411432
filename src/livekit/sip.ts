/** LiveKit's inbound SIP trunks and dispatch rules, as far as answering calls needs them. */
import {
  RoomAgentDispatch,
  RoomConfiguration,
  SIPDispatchRule,
  SIPDispatchRuleIndividual,
  SipClient,
  type SIPDispatchRuleInfo,
  type SipInboundTrunkUpdateOptions,
} from 'livekit-server-sdk';
import { AppError } from '../errors.ts';

/** Over it a provider's calls come in. Without numbers it takes a call to any number. */
export type SipTrunk = Readonly<{
  id: string;
  name: string;
  numbers: readonly string[];
  /** Addresses or ranges that calls may come from; empty: any. */
  allowedAddresses: readonly string[];
  /** Callers whose calls are taken; empty: everybody's. */
  allowedCallers: readonly string[];
  metadata: string;
}>;

/** What becomes of a call: its room, and the agents who are sent there. */
export type SipRule = Readonly<{
  id: string;
  name: string;
  /** Of which trunks it takes the calls; empty: of all that no other rule takes. */
  trunkIds: readonly string[];
  /** `individual`: a room for every call, with a random name. Another kind shares rooms. */
  kind: string;
  pin: string;
  /** Callers and dialled numbers whose calls it takes; empty: all. */
  callers: readonly string[];
  dialed: readonly string[];
  /** Whether neither number is told to the agent. */
  hidesNumbers: boolean;
  agents: readonly string[];
  /** The caller's participant has it too. */
  metadata: string;
}>;

export type TrunkSpec = Readonly<{
  name: string;
  numbers: readonly string[];
  /** Null: as it is (a new trunk: any). */
  allowedAddresses: readonly string[] | null;
  metadata: string;
}>;

export type RuleSpec = Readonly<{ name: string; trunkIds: readonly string[]; agentName: string; metadata: string }>;

export type Sip = Readonly<{
  trunks: () => Promise<SipTrunk[]>;
  rules: () => Promise<SipRule[]>;
  /** Gives the new id. */
  createTrunk: (wish: TrunkSpec) => Promise<string>;
  /** Changes what the wish names and leaves the rest, the name too. */
  updateTrunk: (id: string, wish: TrunkSpec) => Promise<void>;
  /** Gives the new id. */
  createRule: (wish: RuleSpec) => Promise<string>;
  /** Makes it a rule that gives every call of the wish's trunks a room and the agent; leaves the rest, the name too. */
  updateRule: (id: string, wish: RuleSpec) => Promise<void>;
}>;

/** LiveKit adds "_", the caller's number, "_" and something random. */
const roomPrefix = 'sip-room-';
const requestTimeoutSeconds = 10;

const named = async <T>(what: string, request: Promise<T>): Promise<T> => {
  try {
    return await request;
  } catch (error) {
    throw new AppError('livekit_unavailable', `LiveKit did not ${what}`, { cause: error });
  }
};

const ruleOf = (info: SIPDispatchRuleInfo): SipRule => {
  const kind = info.rule?.rule;
  const shared = kind?.case === 'dispatchRuleIndividual' && kind.value.noRandomness;
  return {
    id: info.sipDispatchRuleId,
    name: info.name,
    trunkIds: info.trunkIds,
    kind: (kind?.case ?? 'unknown').replace('dispatchRule', '').toLowerCase() + (shared ? ', one room per caller' : ''),
    pin: kind?.value?.pin ?? '',
    callers: info.inboundNumbers,
    dialed: info.numbers,
    hidesNumbers: info.hidePhoneNumber,
    agents: info.roomConfig?.agents.map(({ agentName }) => agentName) ?? [],
    metadata: info.metadata,
  };
};

/** A room of its own for every call; a prefix that somebody chose stays. */
const individual = (before?: SIPDispatchRule): SIPDispatchRule => {
  const prefix = before?.rule.case === 'dispatchRuleIndividual' ? before.rule.value.roomPrefix : roomPrefix;
  const value = new SIPDispatchRuleIndividual({ roomPrefix: prefix });
  return new SIPDispatchRule({ rule: { case: 'dispatchRuleIndividual', value } });
};

const agentsOf = (wish: RuleSpec): RoomAgentDispatch[] => [new RoomAgentDispatch({ agentName: wish.agentName })];

/** The SDK fills in what a message lacks, and doesn't export its class. */
type ListUpdate = NonNullable<SipInboundTrunkUpdateOptions['numbers']>;

/** Changes a list of a trunk; an empty one has to be asked for in so many words. */
const listUpdate = (list: readonly string[]): ListUpdate =>
  list.length === 0 ? ({ clear: true } as ListUpdate) : ({ set: [...list] } as ListUpdate);

const trunkUpdate = ({ numbers, metadata, allowedAddresses }: TrunkSpec): SipInboundTrunkUpdateOptions => ({
  numbers: listUpdate(numbers),
  metadata,
  ...(allowedAddresses === null ? {} : { allowedAddresses: listUpdate(allowedAddresses) }),
});

const createRule = async (client: SipClient, wish: RuleSpec): Promise<string> => {
  const made = await client.createSipDispatchRule(
    { type: 'individual', roomPrefix },
    {
      name: wish.name,
      metadata: wish.metadata,
      trunkIds: [...wish.trunkIds],
      roomConfig: new RoomConfiguration({ agents: agentsOf(wish) }),
    },
  );
  return made.sipDispatchRuleId;
};

/** The agents of a rule can only be changed by replacing all of it. */
const replaceRule = async (client: SipClient, id: string, wish: RuleSpec): Promise<void> => {
  const info = (await client.listSipDispatchRule()).find((rule) => rule.sipDispatchRuleId === id);
  if (info === undefined) throw new Error(`there is no rule ${id} any more`);
  info.rule = individual(info.rule);
  info.trunkIds = [...wish.trunkIds];
  info.inboundNumbers = [];
  info.numbers = [];
  info.hidePhoneNumber = false;
  info.metadata = wish.metadata;
  info.roomConfig ??= new RoomConfiguration();
  info.roomConfig.agents = agentsOf(wish);
  await client.updateSipDispatchRule(id, info);
};

/**
 * A client of the SIP side of the LiveKit server at `url` (ws… or http…). Connects to nothing by itself. Its functions throw
 * AppError `livekit_unavailable` where the server refuses or does not answer within 10 s; a server of one's own without Redis
 * has no SIP side, and says so.
 */
export const openSip = (options: { url: string; apiKey: string; apiSecret: string }): Sip => {
  const client = new SipClient(options.url, options.apiKey, options.apiSecret, {
    requestTimeout: requestTimeoutSeconds,
  });
  return {
    trunks: async () =>
      (await named('list its SIP trunks', client.listSipInboundTrunk())).map((trunk) => ({
        id: trunk.sipTrunkId,
        name: trunk.name,
        numbers: trunk.numbers,
        allowedAddresses: trunk.allowedAddresses,
        allowedCallers: trunk.allowedNumbers,
        metadata: trunk.metadata,
      })),
    rules: async () => (await named('list its dispatch rules', client.listSipDispatchRule())).map(ruleOf),
    createTrunk: async ({ name, numbers, metadata, allowedAddresses }) => {
      const wish = { metadata, allowedAddresses: [...(allowedAddresses ?? [])] };
      return (await named('make the SIP trunk', client.createSipInboundTrunk(name, [...numbers], wish))).sipTrunkId;
    },
    updateTrunk: async (id, wish) => {
      await named(`change SIP trunk ${id}`, client.updateSipInboundTrunkFields(id, trunkUpdate(wish)));
    },
    createRule: (wish) => named('make the dispatch rule', createRule(client, wish)),
    updateRule: (id, wish) => named(`change dispatch rule ${id}`, replaceRule(client, id, wish)),
  };
};
