/** When the stages of a call's pick-up were reached. */
import type { JobContext } from '@livekit/agents';
import { jobTimes, type PickupStage } from '#src/protocol/messages.ts';
import type { Link } from './agent-link.ts';

export type Marks = {
  /** To be called when the stage is reached. */
  mark: (stage: PickupStage) => void;
  /** To be called when the link has its call: what was reached before is told now, all later stages at once. */
  tellThem: () => void;
};

/** `startedAt`: when the job began, by `performance.now()`. */
export const openMarks = (ctx: Pick<JobContext, 'info'>, link: Pick<Link, 'tell'>, startedAt: number): Marks => {
  const enteredAt = Math.round(Date.now() - (performance.now() - startedAt));
  let early: Partial<Record<PickupStage, number>> | null = jobStages(ctx, enteredAt);
  return {
    mark: (stage) => {
      const stages = { [stage]: Math.round(performance.now() - startedAt) };
      if (early === null) link.tell({ kind: 'timing', enteredAt, stages });
      else early = { ...early, ...stages };
    },
    tellThem: () => {
      if (early !== null) link.tell({ kind: 'timing', enteredAt, stages: early });
      early = null;
    },
  };
};

/** What was before the job's entry is known from the worker. */
const jobStages = ({ info }: Pick<JobContext, 'info'>, enteredAt: number): Partial<Record<PickupStage, number>> => {
  const { data: times } = jobTimes.safeParse(info.acceptArguments.attributes);
  return times === undefined ? {} : { offered: times.offeredAt - enteredAt, accepted: times.acceptedAt - enteredAt };
};
