/**
 * The browser as a simulated phone caller: joins the room as a SIP participant, rings until it can hear somebody, then sets its
 * call active, as LiveKit SIP does; what was said to it before is not played.
 */
import { createLocalAudioTrack, DisconnectReason, Room, RoomEvent, setLogLevel, Track } from './livekit-client.js';

const pickUpMs = 200;
const patienceMs = 15_000;
const element = (id) => document.getElementById(id);
const [callButton, muteButton, statusLine, clock, problemLine, transcript] = [
  'call',
  'mute',
  'status',
  'clock',
  'problem',
  'transcript',
].map(element);

/** The call that is on the line, or null. */
let current = null;

const problems = {
  NotAllowedError: 'The microphone is blocked. Allow it for this page (beside the address), then call again.',
  NotFoundError:
    'No microphone was found. Connect one, then call again. Without one: npm run cli -- call --say "Hello".',
  NotReadableError: 'The microphone is in use by another program, or switched off. Free it, then call again.',
};

const endings = {
  [DisconnectReason.CLIENT_INITIATED]: 'You hung up',
  [DisconnectReason.ROOM_DELETED]: 'The agent hung up',
  [DisconnectReason.PARTICIPANT_REMOVED]: 'The call was refused',
  [DisconnectReason.SERVER_SHUTDOWN]: 'The server was stopped',
};

const show = (state, line, problem = '') => {
  document.body.dataset.state = state;
  statusLine.textContent = line;
  problemLine.textContent = problem;
  problemLine.hidden = problem === '';
  const busy = state === 'ringing' || state === 'connected';
  callButton.dataset.does = busy ? 'hang-up' : 'call';
  callButton.lastElementChild.textContent = busy ? 'Hang up' : 'Call';
  muteButton.disabled = !busy;
};

const showMute = (muted) => {
  muteButton.setAttribute('aria-pressed', String(muted));
  muteButton.lastElementChild.textContent = muted ? 'Unmute' : 'Mute';
};

const startClock = () => {
  const startedAt = Date.now();
  clock.hidden = false;
  const tick = () => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  };
  tick();
  return setInterval(tick, 500);
};

/** The line of a segment: the recognizer sends a segment again and again while it grows. */
const lineOf = (call, who, segment) => {
  const known = call.lines.get(segment);
  if (known) return known;
  const line = document.createElement('li');
  line.className = who;
  line.dataset.who = who === 'caller' ? 'You' : 'Agent';
  transcript.append(line);
  call.lines.set(segment, line);
  return line;
};

const followTranscript = (call) => {
  call.room.registerTextStreamHandler('lk.transcription', async (reader, { identity }) => {
    const segment = reader.info.attributes?.['lk.segment_id'] ?? reader.info.id;
    const who = identity === call.room.localParticipant.identity ? 'caller' : 'agent';
    let text = '';
    for await (const chunk of reader) {
      text += chunk;
      lineOf(call, who, segment).textContent = text;
      transcript.scrollTop = transcript.scrollHeight;
    }
  });
};

const play = (call, track) => {
  const player = track.attach();
  call.players.push(player);
  document.body.append(player);
};

/** Somebody can be heard: 200 OK, and media soon after. */
const pickUp = async (call, track) => {
  call.tracks.push(track);
  if (call.answered) return call.through && play(call, track);
  call.answered = true;
  clearTimeout(call.impatience);
  await new Promise((resolve) => setTimeout(resolve, pickUpMs));
  if (current !== call) return;
  call.through = true;
  for (const heard of call.tracks) play(call, heard);
  await call.room.localParticipant.setAttributes({ 'sip.callStatus': 'active' });
  call.clock = startClock();
  show('connected', 'Connected');
};

const finish = (call, state, line, problem) => {
  if (current !== call) return;
  current = null;
  clearTimeout(call.impatience);
  clearInterval(call.clock);
  for (const player of call.players) player.remove();
  call.microphone?.stop();
  show(state, line, problem);
};

const fail = (call, error) => {
  const known = problems[error.name];
  finish(
    call,
    'error',
    known ? 'No microphone' : 'The call failed',
    known ?? `${error.message}. Is the service still running?`,
  );
  return call.room.disconnect();
};

const openMicrophone = () => {
  if (!navigator.mediaDevices) throw new Error('This browser gives a microphone to http://localhost or https only');
  return createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true });
};

const askForTicket = async () => {
  const response = await fetch('/call/token', { method: 'POST' });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error?.message ?? `The service answered ${response.status}`);
  return body;
};

const listenTo = (call) => {
  const { room } = call;
  room.on(RoomEvent.TrackSubscribed, (track) => {
    if (track.kind === Track.Kind.Audio) pickUp(call, track).catch((error) => fail(call, error));
  });
  room.on(RoomEvent.Disconnected, (reason) => finish(call, 'ended', endings[reason] ?? 'The connection was lost'));
  followTranscript(call);
};

const dial = async () => {
  const call = { room: new Room(), lines: new Map(), tracks: [], players: [], answered: false, through: false };
  current = call;
  transcript.replaceChildren();
  clock.hidden = true;
  showMute(false);
  show('ringing', 'Waiting for the microphone …');
  try {
    call.microphone = await openMicrophone();
    if (current !== call) return call.microphone.stop();
    show('ringing', 'Ringing …');
    listenTo(call);
    const ticket = await askForTicket();
    if (current !== call) return;
    await call.room.connect(ticket.url, ticket.token);
    await call.room.localParticipant.publishTrack(call.microphone, {
      source: Track.Source.Microphone,
      dtx: false,
      red: false,
    });
    if (!call.answered && current === call) {
      call.impatience = setTimeout(() => show('ringing', 'Still ringing: is the agent running?'), patienceMs);
    }
  } catch (error) {
    await fail(call, error);
  }
};

const hangUp = async (call) => {
  finish(call, 'ended', endings[DisconnectReason.CLIENT_INITIATED]);
  await call.room.disconnect();
};

const toggleMute = async () => {
  const microphone = current?.microphone;
  if (!microphone) return;
  await (microphone.isMuted ? microphone.unmute() : microphone.mute());
  showMute(microphone.isMuted);
};

// Every failure is shown on the page; what else LiveKit logs is how calls end.
setLogLevel('silent');
callButton.addEventListener('click', () => (current ? hangUp(current) : dial()));
muteButton.addEventListener('click', toggleMute);
