import { expect, test } from 'vitest';
import { isBackchannel } from '#agents/telephony/turns/phrases/backchannel.ts';

test.each(['Uh-huh.', 'Mm-hmm', 'okay', 'Okay, right.', 'I see.', 'Yeah, yeah.', 'Got it!'])(
  '%j is a backchannel',
  (text) => expect(isBackchannel(text)).toBe(true),
);

test.each(['Yes.', 'No, wait.', 'Okay, but what does it cost?', 'Stop.', 'Right, I need Tuesday.', ''])(
  '%j is not a backchannel',
  (text) => expect(isBackchannel(text)).toBe(false),
);
