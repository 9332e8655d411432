// Loaded into the service by `soak`: SIGUSR2 collects the garbage of all its threads, so that what it keeps can be told from what it would
// free.
import { syncBuiltinESMExports } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import threads from 'node:worker_threads';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
// As V8 itself does where memory runs out.
const collect = () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
const channel = new threads.BroadcastChannel('collect garbage');
channel.onmessage = () => collect();
channel.unref();

if (threads.isMainThread) {
  process.on('SIGUSR2', () => {
    channel.postMessage(null);
    collect();
  });
  // A thread that is started with options of its own wouldn't load this.
  threads.Worker = class extends threads.Worker {
    constructor(file, options) {
      super(file, { ...options, execArgv: [...(options?.execArgv ?? []), `--import=${import.meta.filename}`] });
    }
  };
  syncBuiltinESMExports();
}
