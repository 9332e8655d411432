/** Records when each stage of a call's pick-up was reached. */
import type { JobContext } from '@livekit/agents';
import { jobTimes, type PickupStage } from '#src/protocol/messages.ts';
import type { AgentLink } from './agent-link.ts';

export type Stages = {
  /** Records that a stage has been reached. */
  reach: (stage: PickupStage) => void;
  /** To be called once the call has been claimed: reports the earlier stages now, and later ones as they are reached. */
  reportAll: () => void;
};

/** @param startedAt when the job began, on the clock of `performance.now()` */
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

/** The stages before the job's entry, as the worker passed them on. */
const stagesBeforeEntry = (
  { info }: Pick<JobContext, 'info'>,
  enteredAt: number,
): Partial<Record<PickupStage, number>> => {
  const { data: times } = jobTimes.safeParse(info.acceptArguments.attributes);
  return times === undefined ? {} : { offered: times.offeredAt - enteredAt, accepted: times.acceptedAt - enteredAt };
};
