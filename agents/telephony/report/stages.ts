/** When the stages of a call's pick-up were reached. */
import type { JobContext } from '@livekit/agents';
import { jobTimes, type PickupStage } from '#src/protocol/messages.ts';
import type { AgentLink } from './agent-link.ts';

export type Stages = {
  /** To be called when the stage is reached. */
  reach: (stage: PickupStage) => void;
  /** To be called when the link has its call: earlier stages are reported now, later ones at once. */
  reportAll: () => void;
};

/** @param startedAt when the job began, by `performance.now()` */
export const openStages = (
  ctx: Pick<JobContext, 'info'>,
  link: Pick<AgentLink, 'report'>,
  startedAt: number,
): Stages => {
  const enteredAt = Math.round(Date.now() - (performance.now() - startedAt));
  let early: Partial<Record<PickupStage, number>> | null = stagesBeforeEntry(ctx, enteredAt);
  return {
    reach: (stage) => {
      const stages = { [stage]: Math.round(performance.now() - startedAt) };
      if (early === null) link.report({ kind: 'timing', enteredAt, stages });
      else early = { ...early, ...stages };
    },
    reportAll: () => {
      if (early !== null) link.report({ kind: 'timing', enteredAt, stages: early });
      early = null;
    },
  };
};

/** The worker tells what happened before the job's entry. */
const stagesBeforeEntry = (
  { info }: Pick<JobContext, 'info'>,
  enteredAt: number,
): Partial<Record<PickupStage, number>> => {
  const { data: times } = jobTimes.safeParse(info.acceptArguments.attributes);
  return times === undefined ? {} : { offered: times.offeredAt - enteredAt, accepted: times.acceptedAt - enteredAt };
};
