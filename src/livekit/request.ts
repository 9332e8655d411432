/** Names the request in the errors of LiveKit's server API. */
import { AppError } from '../errors.ts';

/**
 * Awaits a request.
 * @param action what was requested, as an infinitive: "delete a room"
 * @throws AppError `livekit_unavailable`
 */
export const livekitRequest = async <T>(action: string, request: Promise<T>): Promise<T> => {
  try {
    return await request;
  } catch (error) {
    throw new AppError('livekit_unavailable', `LiveKit failed to ${action}`, { cause: error });
  }
};
