/** A lead: a person whom a campaign has called or will call, or who called it. */

/** The status follows from the lead's calls; docs/contract.md, sections 2 and 3. */
export const leadStatuses = ['new', 'calling', 'completed', 'failed'] as const;
export type LeadStatus = (typeof leadStatuses)[number];
