import { openTrial } from './trial.ts';
import { jobOf } from './fake-service.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeRtc } from '../../../src/local/caller.ts';
process.env.NODE_ENV='production';
await using trial = await openTrial({ name: 'try', caller: ['What are your opening hours?'], repeat: true, replies: [ { when: 'opening hours', say: 'We are open Monday to Thursday. Come any time.' } ] });
const run = async (name, job) => {
  trial.service.happenings.length = 0; trial.job.next = job;
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 15000, since: 0 });
  console.log(name, 'dial → greeting', Math.round(caller.heard.firstSpeechSince(0).at - caller.dialledAt));
  await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15000 });
  for (let i = 0; i < 5; i++) {
    const said = await caller.say('What are your opening hours?'); const at = Date.now();
    const t = await caller.whenAgentSpeaks({ timeoutMs: 15000, since: at }); console.log('reply', Math.round(t - at));
    await caller.whenAgentQuiet({ quietMs: 900, timeoutMs: 15000 });
  }
  await caller.hangUp(); await trial.service.until('ended');
  for (const h of trial.service.happenings) if (h.kind !== 'turn' || h.turn.seq < 4) console.log(JSON.stringify(h));
  await sleep(3000);
};
await run('openai bundled', jobOf({ greeting: 'Hello there.' }));
await run('deepgram silero', jobOf({ greeting: 'Hello there.', vad: 'silero', tts: { provider: 'deepgram', model: 'aura-2-andromeda-en', voice: '' } }));
await closeRtc();
