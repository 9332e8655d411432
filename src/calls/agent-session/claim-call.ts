/** A job claims its call: which call that is, whether the job may have it, and what its agent needs to run it. */
import { defaultSystemMessages, defaultSettings, voiceOf } from '../../campaigns/campaign.ts';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
import type { Db, DbClient } from '../../database/open.ts';
import { findLead, inboundNamePrefix } from '../../leads/store.ts';
import type { Claim, FromService } from '../../protocol/messages.ts';
import { findTenantName } from '../../tenants/store.ts';
import { leadInPhrasesOf } from '../../protocol/lead-in-phrases.ts';
import { identityOf } from '../../speech-cache/speech.ts';
import { buildJob } from '../preview/build-job.ts';
import { isHeard, type Call, type CallOutcome, type IncomingCall } from '../call.ts';
import type { CallJob, Voice } from '../../protocol/job.ts';
import { leaseMs, takeOwnership } from '../ownership-store.ts';
import { isOpen } from '../lifecycle.ts';
import { receiveCall } from '../receive-call.ts';
import { appendEvent, findCall, listTurns } from '../store.ts';

export type ClaimOutcome =
  | Readonly<{ kind: 'job'; job: CallJob; call: Call }>
  /** Refused unheard: the caller is to be removed before anything is published. */
  | Readonly<{ kind: 'refused'; call: Call; reason: string }>
  /** Routing chose another agent, which is to be called in. */
  | Readonly<{ kind: 'other_agent'; call: Call; agentName: string }>
  /** Another job has the call, or it is over. */
  | Readonly<{ kind: 'taken' }>;

type ClaimContext = Pick<Context, 'db' | 'config' | 'now' | 'busy' | 'log' | 'feed' | 'ownerId' | 'speechCache'>;

/** `insist`: take the call although routing chose another agent, which didn't come. `cameAt`: when the job first claimed it. */
type Circumstances = Readonly<{ insist: boolean; cameAt: Date }>;

/** Claims the call of a room for a job. */
export const claimCall = async (
  ctx: ClaimContext,
  claim: Claim,
  { insist, cameAt }: Circumstances,
): Promise<ClaimOutcome> => {
  const outcome = await receiveCall({ ...ctx, now: () => cameAt }, incomingOfClaim(claim));
  if (outcome.kind === 'reject') return refusalOf(ctx, claim, outcome);
  const { call, agentName } = outcome;
  if (!isOpen(call.status)) return { kind: 'taken' };
  if (agentName !== ctx.config.agentName && !insist && call.attempt === 0)
    return { kind: 'other_agent', call, agentName };
  return assign(ctx, claim, call);
};

/** The attributes decide; what they lack may come from the dispatch's metadata, a hint that routing checks. */
const incomingOfClaim = ({ room, roomSid, caller, metadata }: Claim): IncomingCall => {
  const { attributes } = caller;
  const hint = numbersOfHint(metadata);
  return {
    source: 'job',
    callSid: attributes['sip.callID'] || roomSid,
    roomName: room,
    from: attributes['sip.phoneNumber'] ?? hint.from,
    to: attributes['sip.trunkPhoneNumber'] || hint.to,
    trunkId: attributes['sip.trunkID'] || null,
    callerIdentity: caller.identity,
  };
};

const numbersOfHint = (metadata: string): { from: string; to: string } => {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  try {
    const hint: unknown = JSON.parse(metadata);
    if (typeof hint !== 'object' || hint === null) return { from: '', to: '' };
    return {
      from: text('from_number' in hint ? hint.from_number : ''),
      to: text('to_number' in hint ? hint.to_number : ''),
    };
  } catch {
    return { from: '', to: '' }; // Without a hint the call is routed as one to an unknown number.
  }
};

const refusalOf = async (
  ctx: ClaimContext,
  claim: Claim,
  { call, reason }: Extract<CallOutcome, { kind: 'reject' }>,
): Promise<ClaimOutcome> =>
  isHeard(reason)
    ? { kind: 'job', call, job: await jobOf(ctx, claim, call, 'announce') }
    : { kind: 'refused', call, reason };

const assign = async (ctx: ClaimContext, claim: Claim, { id }: Call): Promise<ClaimOutcome> => {
  const call = await takeCall(ctx.db, ctx, claim, id);
  return call === null ? { kind: 'taken' } : { kind: 'job', call, job: await jobOf(ctx, claim, call, 'converse') };
};

type Claimant = Pick<Claim, 'jobId' | 'agentIdentity'> & Readonly<{ caller: Pick<Claim['caller'], 'identity'> }>;

/** Makes the job's agent the one of the call; null if another agent has it. */
export const takeCall = async (
  db: DbClient,
  ctx: Pick<ClaimContext, 'now' | 'ownerId'>,
  { jobId, agentIdentity, caller }: Claimant,
  callId: string,
): Promise<Call | null> => {
  const now = ctx.now();
  const leaseUntil = new Date(now.getTime() + leaseMs);
  const ownership = { ownerId: ctx.ownerId, leaseUntil, jobId, agentIdentity, callerIdentity: caller.identity };
  if (!(await takeOwnership(db, callId, ownership, now))) return null;
  const call = await findCall(db, callId);
  if (call !== null) await appendEvent(db, callId, 'claimed', { attempt: call.attempt, jobId });
  return call;
};

/** What a job is built from, beside the call itself. */
export const readJobRecords = (
  db: Db,
  call: Pick<Call, 'id' | 'campaignId' | 'campaignVersionId' | 'leadId' | 'tenantId'>,
) =>
  Promise.all([
    call.campaignId === null ? null : findSettings(db, call.campaignId, call.campaignVersionId),
    call.leadId === null ? null : findLead(db, call.leadId),
    call.tenantId === null ? null : findTenantName(db, call.tenantId),
    listTurns(db, call.id),
  ]);

const jobOf = async (ctx: ClaimContext, claim: Claim, call: Call, purpose: CallJob['purpose']): Promise<CallJob> => {
  const [settings, lead, tenantName, turns] = await readJobRecords(ctx.db, call);
  const { job, problems } = buildJob({
    call,
    attempt: call.attempt,
    callerIdentity: claim.caller.identity,
    agentName: ctx.config.agentName,
    purpose,
    settings,
    leadName: lead === null || lead.name.startsWith(inboundNamePrefix) ? null : lead.name,
    tenantName: tenantName ?? '',
    now: ctx.now(),
    turns: purpose === 'announce' ? [] : turns,
  });
  if (problems.length > 0) {
    ctx.log.error({ callId: call.id, campaignId: call.campaignId, problems }, 'campaign text replaced by the default');
    await appendEvent(ctx.db, call.id, 'text_replaced', { problems });
  }
  const texts = [job.greeting, ...Object.values(job.systemMessages), ...leadInPhrasesOf(job.language)];
  return { ...job, cachedSpeech: cachedSpeechFor(ctx, job.tts, texts) };
};

/** What a caller hears while their call can't be claimed: a default message, which needs no database. Null if it isn't cached. */
export const waitMessageOf = (
  ctx: Pick<Context, 'config' | 'speechCache'>,
): Pick<Extract<FromService, { type: 'wait' }>, 'text' | 'cachedSpeech'> | null => {
  const text = defaultSystemMessages.hold;
  const cachedSpeech = cachedSpeechFor(ctx, voiceOf(defaultSettings), [text]);
  return text in cachedSpeech ? { text, cachedSpeech } : null;
};

/** The files of those texts whose speech is cached in a voice. */
const cachedSpeechFor = (
  { config, speechCache }: Pick<Context, 'config' | 'speechCache'>,
  voice: Voice,
  texts: readonly string[],
): CallJob['cachedSpeech'] => {
  const { baseUrl } = config[voice.provider];
  const found = texts.flatMap((text) => {
    const path = speechCache.pathOf(identityOf({ voice, text }, baseUrl));
    return path === null ? [] : [[text, path] as const];
  });
  return Object.fromEntries(found);
};
