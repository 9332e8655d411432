import { expect, test } from 'vitest';
import { warmUpCalls } from '#src/calls/agent-session/warm-up-calls.ts';
import { testContext } from '#test/support/context.ts';
import { describeBothDatabases } from '#test/support/database.ts';

describeBothDatabases('warm-up calls', (openDatabase) => {
  test('leave no trace, however often they run', async () => {
    const db = await openDatabase();
    const ctx = testContext(db, {});
    for (const _ of [1, 2]) await warmUpCalls(ctx);
    expect([await db.callLog.count(), await db.callEvent.count(), await db.lead.count()]).toEqual([0, 0, 0]);
  });
});
