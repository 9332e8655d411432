import { openTrial } from './trial.ts';
import { jobOf } from './fake-service.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { execSync } from 'node:child_process';
import { closeRtc } from '../../../src/local/caller.ts';
process.env.NODE_ENV='production';
await using trial = await openTrial({
  name: 'try',
  caller: ['What are your opening hours?', 'Stop please I have another question', 'What does a cleaning cost?'], repeat: true,
  replies: [
    { when: 'opening hours', say: 'We are open Monday to Thursday from eight to six. On Friday we close at two in the afternoon already. During the holidays we are closed for two full weeks, and on Saturdays we only see emergencies.' },
  ], otherwise: 'Of course.',
});
const run = async (name: string, body: () => Promise<void>) => {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) return;
  trial.service.happenings.length = 0; trial.job.next = jobOf({greeting: 'Hello there.'}); trial.job.leave = false;
  try { await body(); } catch (e) { console.log(name, 'ERR', e); }
  await sleep(300);
  console.log('=====', name);
  for (const h of trial.service.happenings) console.log(JSON.stringify(h));
  await trial.providers.clearFaults();
  await sleep(2500);
};
const limits = jobOf().limits;
await run('hangup while agent speaks', async () => {
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 15000, since: 0 });
  await caller.whenAgentQuiet({ quietMs: 600, timeoutMs: 15000 });
  await caller.say('What are your opening hours?');
  await caller.whenAgentSpeaks({ timeoutMs: 15000 }); await sleep(1500);
  const at = Date.now(); await caller.hangUp();
  await trial.service.until('ended'); console.log('told after', Date.now() - at);
});
await run('silence', async () => {
  trial.job.next = jobOf({ greeting: 'Hello there.', limits: { ...limits, silenceAskMs: 2500, silenceGoodbyeMs: 7500 } });
  await using caller = await trial.call();
  console.log((await caller.whenEnded()).reason);
});
await run('announce', async () => {
  trial.job.next = jobOf({ purpose: 'announce' });
  await using caller = await trial.call();
  console.log((await caller.whenEnded()).reason, caller.heard.clippedMs());
});
await run('leave', async () => {
  trial.job.leave = true;
  await using caller = await trial.call();
  await sleep(3000);
  console.log('participants', [...caller.room.remoteParticipants.keys()], caller.activeAt());
});
await run('ringing hangup', async () => {
  await using caller = await trial.call({ pickUpMs: 5000 });
  for (; !trial.service.happenings.some((h) => h.kind === 'timing'); ) await sleep(20);
  await sleep(500); await caller.hangUp();
  await trial.service.until('ended');
});
await run('time limit', async () => {
  trial.job.next = jobOf({ greeting: 'Hello there.', limits: { ...limits, maxCallMs: 4000 } });
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 15000, since: 0 });
  await caller.whenAgentQuiet({ quietMs: 600, timeoutMs: 15000 });
  await caller.say('What are your opening hours?');
  console.log((await caller.whenEnded()).reason);
});
await run('say and end', async () => {
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 15000, since: 0 });
  await caller.whenAgentQuiet({ quietMs: 600, timeoutMs: 15000 });
  trial.service.send({ type: 'say', text: 'A colleague says hello.' });
  await sleep(2500);
  trial.service.send({ type: 'end', say: null });
  console.log((await caller.whenEnded()).reason);
});
await run('vanish', async () => {
  await using caller = await trial.call();
  await caller.whenAgentSpeaks({ timeoutMs: 15000, since: 0 });
  const at = Date.now(); trial.service.vanish();
  for (; caller.room.remoteParticipants.size > 0 && Date.now() - at < 10000; ) await sleep(10);
  console.log('agent gone after', Date.now() - at);
  await sleep(1500);
  console.log(execSync('ps -eo pid,args | grep job_proc_lazy | grep -v grep || true').toString());
});
await closeRtc();
