/** The states of a call. */

/** `ringing` and `in_progress` are open; the others are final. */
export const callStatuses = ['ringing', 'in_progress', 'completed', 'rejected', 'failed'] as const;
export type CallStatus = (typeof callStatuses)[number];

export const openStatuses = ['ringing', 'in_progress'] as const satisfies readonly CallStatus[];
export type OpenStatus = (typeof openStatuses)[number];
