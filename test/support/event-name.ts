/** The name of a call's event in a test: its type, and the reason of a dispatch that a busy machine may make at any time. */
export const eventName = ({ type, data }: Readonly<{ type: string; data: unknown }>): string =>
  JSON.stringify(data).includes('"job_refused"') ? `${type} (job_refused)` : type;
