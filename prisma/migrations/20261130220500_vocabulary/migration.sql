-- The words of stored events and routings: see CHANGELOG.md.
UPDATE "CallEvent" SET "data" = json_set("data", '$.reason', 'job_refused'), "type" = 'redispatched' WHERE "type" = 'dispatched_again';
UPDATE "CallEvent" SET "data" = json_set("data", '$.reason', CASE json_extract("data", '$.attempt') WHEN 0 THEN 'no_agent' ELSE 'agent_lost' END)
  WHERE "type" = 'redispatched' AND json_extract("data", '$.reason') IS NULL;
UPDATE "CallEvent" SET "data" = json_remove(json_set("data", '$.command', json_extract("data", '$.order')), '$.order') WHERE "type" IN ('ordered', 'order_lost');
UPDATE "CallEvent" SET "type" = CASE "type"
    WHEN 'trouble' THEN 'failure'
    WHEN 'transfer_asked' THEN 'transfer_requested'
    WHEN 'handed_over' THEN 'agent_called_in'
    WHEN 'hand_over_failed' THEN 'agent_call_in_failed'
    WHEN 'ordered' THEN 'command_delivered'
    ELSE 'command_lost'
  END
  WHERE "type" IN ('trouble', 'transfer_asked', 'handed_over', 'hand_over_failed', 'ordered', 'order_lost');
UPDATE "CallLog" SET "routing" = json_remove(json_set("routing", '$.source', CASE json_extract("routing", '$.door')
    WHEN 'asked' THEN 'webhook'
    WHEN 'joined' THEN 'participant'
    ELSE 'job'
  END), '$.door')
  WHERE json_extract("routing", '$.door') IS NOT NULL;
