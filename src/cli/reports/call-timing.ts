/** The output of `call:timing` for people. */
import { replyStages, type Reply, type ReplyStage } from '../../calls/timing/reply-timing.ts';
import type { CallTiming, Pickup, Stage } from '../../calls/timing/timing.ts';

const nameOf = (stage: ReplyStage): string => stage.replaceAll('_', ' ');

const stageLine = ({ name, atMs, tookMs, detail }: Stage): string =>
  `${String(atMs).padStart(8)}  ${`+${tookMs}`.padStart(7)}  ${name.padEnd(16)} ${detail ?? ''}`.trimEnd();

const pickupSummary = ({ answeredMs, firstSoundMs, slowest }: Pickup): string =>
  [
    answeredMs === null ? 'Never answered.' : `Answered after ${answeredMs} ms.`,
    ...(firstSoundMs === null ? [] : [`First sound after ${firstSoundMs} ms.`]),
    ...(slowest === null ? [] : [`Slowest: ${slowest.from} → ${slowest.to}, ${slowest.tookMs} ms.`]),
  ].join(' ');

const pickupLines = (pickup: Pickup): string[] => {
  const unplaced = Object.entries(pickup.unplaced).map(([stage, ms]) => `${stage} ${ms}`);
  return [
    'Pickup, in ms since the call arrived:',
    ...pickup.stages.map(stageLine),
    ...(unplaced.length === 0
      ? []
      : [`  relative to the start of the call host, which was not recorded: ${unplaced.join(', ')}`]),
    pickupSummary(pickup),
  ];
};

const row = (name: string, cells: readonly (string | number)[], last: string): string =>
  `${name.padStart(5)}${cells.map((cell) => String(cell).padStart(11)).join('')}   ${last}`.trimEnd();

const replyRow = ({ seq, heardMs, stages, slowest, isExact }: Reply): string =>
  row(String(seq), [heardMs, ...replyStages.map((stage) => stages[stage])], `${nameOf(slowest)}${isExact ? '' : ' ~'}`);

const replyLines = ({ replies, unmeasured, discarded, overall }: CallTiming): string[] => {
  const notes = [
    ...(unmeasured === 0 ? [] : [`Replies without timings: ${unmeasured}.`]),
    ...(discarded === 0 ? [] : [`Replies discarded because the caller went on speaking: ${discarded}.`]),
  ];
  if (overall === null) return ['No replies were measured.', ...notes];
  const spread = (share: 'p50' | 'p95') =>
    row(share, [overall.heardMs[share], ...replyStages.map((stage) => overall.stages[stage][share])], '');
  return [
    "Replies by agent turn, in ms since the caller's last sound:",
    row('turn', ['total', ...replyStages.map(nameOf)], 'slowest'),
    ...replies.map(replyRow),
    spread('p50'),
    spread('p95'),
    ...(replies.every(({ isExact }) => isExact)
      ? []
      : ['~ The start of model and voice requests was not recorded: the latest possible time is assumed.']),
    `Slowest stage over all replies: ${nameOf(overall.slowest)}.`,
    ...notes,
  ];
};

export const linesOf = (timing: CallTiming): string[] => {
  const reason = timing.rejectReason ?? timing.endReason;
  return [
    `Call ${timing.callId}: ${timing.status}${reason === null ? '' : ` (${reason})`}.`,
    '',
    ...pickupLines(timing.pickup),
    '',
    ...replyLines(timing),
  ];
};
