/**
 * The browser as a simulated phone caller: joins the room as a SIP participant, rings until an agent publishes audio, then sets
 * its call active, as LiveKit SIP does. Audio from before that is not played.
 */
import { createLocalAudioTrack, DisconnectReason, Room, RoomEvent, setLogLevel, Track } from './livekit-client.js';

const pickUpMs = 200;
const longRingMs = 15_000;
const [callButton, muteButton, statusLine, clock, problemLine, transcript] = [
  'call',
  'mute',
  'status',
  'clock',
  'problem',
  'transcript',
].map((id) => document.getElementById(id));

/** The call in progress, or null. */
let current = null;

/** By the name of the error. */
const microphoneProblems = {
  NotAllowedError: 'Microphone access is blocked. Allow it for this page in the address bar, then call again.',
  NotFoundError:
    'No microphone found. Connect one and call again, or call from a terminal: npm run cli -- call --say "Hello"',
  NotReadableError:
    'The microphone is switched off or in use by another application. Make it available, then call again.',
};

const endings = {
  [DisconnectReason.CLIENT_INITIATED]: 'You hung up',
  [DisconnectReason.ROOM_DELETED]: 'The agent hung up',
  [DisconnectReason.PARTICIPANT_REMOVED]: 'The call was rejected',
  [DisconnectReason.SERVER_SHUTDOWN]: 'The server has stopped',
};

const show = (state, status, problem = '') => {
  document.body.dataset.state = state;
  statusLine.textContent = status;
  problemLine.textContent = problem;
  problemLine.hidden = problem === '';
  const isBusy = state === 'ringing' || state === 'connected';
  callButton.dataset.action = isBusy ? 'hang-up' : 'call';
  callButton.lastElementChild.textContent = isBusy ? 'Hang up' : 'Call';
  muteButton.disabled = !isBusy;
};

const showMute = (isMuted) => {
  muteButton.setAttribute('aria-pressed', String(isMuted));
  muteButton.setAttribute('aria-label', isMuted ? 'Unmute' : 'Mute');
};

const startClock = () => {
  const startedAt = Date.now();
  const tick = () => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  };
  tick();
  clock.hidden = false;
  return setInterval(tick, 500);
};

/** The list item of a segment: a segment is sent again as it grows. */
const itemOf = (call, speaker, segment) => {
  const known = call.items.get(segment);
  if (known) return known;
  const item = document.createElement('li');
  item.className = speaker;
  item.dataset.speaker = speaker === 'caller' ? 'You' : 'Agent';
  transcript.append(item);
  call.items.set(segment, item);
  return item;
};

const followTranscript = (call) => {
  call.room.registerTextStreamHandler('lk.transcription', async (reader, { identity }) => {
    const segment = reader.info.attributes?.['lk.segment_id'] ?? reader.info.id;
    const speaker = identity === call.room.localParticipant.identity ? 'caller' : 'agent';
    let text = '';
    for await (const chunk of reader) {
      text += chunk;
      itemOf(call, speaker, segment).textContent = text;
      transcript.scrollTop = transcript.scrollHeight;
    }
  });
};

const play = (call, track) => {
  const player = track.attach();
  call.players.push(player);
  document.body.append(player);
};

/** The first audio track answers the call: 200 OK, and media soon after. */
const receiveTrack = async (call, track) => {
  call.tracks.push(track);
  if (call.isAnswered) return call.isActive && play(call, track);
  call.isAnswered = true;
  clearTimeout(call.longRing);
  await new Promise((resolve) => setTimeout(resolve, pickUpMs));
  if (current !== call) return;
  call.isActive = true;
  for (const received of call.tracks) play(call, received);
  await call.room.localParticipant.setAttributes({ 'sip.callStatus': 'active' });
  call.clock = startClock();
  show('connected', 'Connected');
};

const end = (call, state, status, problem) => {
  if (current !== call) return;
  current = null;
  clearTimeout(call.longRing);
  clearInterval(call.clock);
  for (const player of call.players) player.remove();
  call.microphone?.stop();
  show(state, status, problem);
};

const fail = (call, error) => {
  const microphoneProblem = microphoneProblems[error.name];
  if (microphoneProblem) end(call, 'error', 'No microphone', microphoneProblem);
  else end(call, 'error', 'Call failed', `${error.message.replace(/\.$/, '')}. Is npm run dev still running?`);
  return call.room.disconnect();
};

const openMicrophone = () => {
  if (!navigator.mediaDevices) throw new Error('Browsers allow microphones only on http://localhost and https pages');
  return createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true });
};

/** Resolves with the URL and the token to join the room of a new call. */
const requestCall = async () => {
  const response = await fetch('/call/token', { method: 'POST' });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error?.message ?? `The service responded with ${response.status}`);
  return body;
};

const followRoom = (call) => {
  const { room } = call;
  room.on(RoomEvent.TrackSubscribed, (track) => {
    if (track.kind === Track.Kind.Audio) receiveTrack(call, track).catch((error) => fail(call, error));
  });
  room.on(RoomEvent.Disconnected, (reason) => end(call, 'ended', endings[reason] ?? 'The connection was lost'));
  followTranscript(call);
};

const startCall = () => {
  const call = { room: new Room(), items: new Map(), tracks: [], players: [], isAnswered: false, isActive: false };
  current = call;
  transcript.replaceChildren();
  clock.hidden = true;
  showMute(false);
  show('ringing', 'Waiting for the microphone…');
  return call;
};

const dial = async () => {
  const call = startCall();
  try {
    call.microphone = await openMicrophone();
    if (current !== call) return call.microphone.stop();
    show('ringing', 'Ringing…');
    followRoom(call);
    const { url, token } = await requestCall();
    if (current !== call) return;
    await call.room.connect(url, token);
    await call.room.localParticipant.publishTrack(call.microphone, {
      source: Track.Source.Microphone,
      dtx: false,
      red: false,
    });
    if (!call.isAnswered && current === call) {
      call.longRing = setTimeout(() => show('ringing', 'Still ringing. Is the agent running?'), longRingMs);
    }
  } catch (error) {
    await fail(call, error);
  }
};

const hangUp = async (call) => {
  end(call, 'ended', endings[DisconnectReason.CLIENT_INITIATED]);
  await call.room.disconnect();
};

const toggleMute = async () => {
  const microphone = current?.microphone;
  if (!microphone) return;
  await (microphone.isMuted ? microphone.unmute() : microphone.mute());
  showMute(microphone.isMuted);
};

// The page shows every failure; everything else that LiveKit logs is the normal end of a call.
setLogLevel('silent');
callButton.addEventListener('click', () => (current ? hangUp(current) : dial()));
muteButton.addEventListener('click', toggleMute);
