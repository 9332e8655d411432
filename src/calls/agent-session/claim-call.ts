/** An agent's job asks for its call: which one is it, may this job have it, and how is it to be held. */
import { defaultSystemMessages, defaultSettings, voiceOf } from '../../campaigns/campaign.ts';
import { findSettings } from '../../campaigns/store.ts';
import type { Context } from '../../context.ts';
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
  /** Refused without a word: the caller is to be removed before anything is published. */
  | Readonly<{ kind: 'refused'; call: Call; reason: string }>
  /** Routing says another agent: it is to be called in. */
  | Readonly<{ kind: 'other_agent'; call: Call; agentName: string }>
  /** Another job has the call, or it is over. */
  | Readonly<{ kind: 'taken' }>;

type ClaimContext = Pick<Context, 'db' | 'config' | 'now' | 'busy' | 'log' | 'feed' | 'ownerId' | 'speechCache'>;

/** `insist`: take the call even where routing says another agent, which didn't come. `cameAt`: when the job first asked. */
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
  return hold(ctx, claim, call);
};

/** The attributes are the truth; what they leave out may come from the dispatch's metadata, a hint that routing checks. */
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
    return { from: '', to: '' }; // No JSON, no hint: the call is routed as one to an unknown number.
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

const hold = async (ctx: ClaimContext, claim: Claim, call: Call): Promise<ClaimOutcome> => {
  const now = ctx.now();
  const held = await takeOwnership(
    ctx.db,
    call.id,
    {
      ownerId: ctx.ownerId,
      leaseUntil: new Date(now.getTime() + leaseMs),
      jobId: claim.jobId,
      agentIdentity: claim.agentIdentity,
      callerIdentity: claim.caller.identity,
    },
    now,
  );
  const after = held ? await findCall(ctx.db, call.id) : null;
  if (after === null) return { kind: 'taken' };
  await appendEvent(ctx.db, call.id, 'claimed', { attempt: after.attempt, jobId: claim.jobId });
  return { kind: 'job', call: after, job: await jobOf(ctx, claim, after, 'converse') };
};

const jobOf = async (ctx: ClaimContext, claim: Claim, call: Call, purpose: CallJob['purpose']): Promise<CallJob> => {
  const [settings, lead, tenantName, turns] = await Promise.all([
    call.campaignId === null ? null : findSettings(ctx.db, call.campaignId, call.campaignVersionId),
    call.leadId === null ? null : findLead(ctx.db, call.leadId),
    call.tenantId === null ? null : findTenantName(ctx.db, call.tenantId),
    purpose === 'announce' ? [] : listTurns(ctx.db, call.id),
  ]);
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
    turns,
  });
  if (problems.length > 0) {
    ctx.log.error({ callId: call.id, campaignId: call.campaignId, problems }, 'campaign text replaced by the standard');
    await appendEvent(ctx.db, call.id, 'text_replaced', { problems });
  }
  const texts = [job.greeting, ...Object.values(job.systemMessages), ...leadInPhrasesOf(job.language)];
  return { ...job, cachedSpeech: cachedSpeechFor(ctx, job.tts, texts) };
};

/** What a caller hears whose call can't be claimed yet: our own words, which need no database. Null: they aren't prepared. */
export const waitMessageOf = (
  ctx: Pick<Context, 'config' | 'speechCache'>,
): Pick<Extract<FromService, { type: 'wait' }>, 'text' | 'prepared'> | null => {
  const text = defaultSystemMessages.hold;
  const prepared = cachedSpeechFor(ctx, voiceOf(defaultSettings), [text]);
  return text in prepared ? { text, prepared } : null;
};

/** Where texts lie spoken in a voice, as far as they do. */
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
