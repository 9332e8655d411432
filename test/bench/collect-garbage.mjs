// Loaded into the service by `soak`: SIGUSR2 collects its garbage, so that its memory can be told from what it would give back.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGUSR2', () => collect());
