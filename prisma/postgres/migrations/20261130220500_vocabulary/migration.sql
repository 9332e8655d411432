-- The words of stored events and routings: see CHANGELOG.md.
UPDATE "CallEvent" SET "data" = "data" || '{"reason":"job_refused"}', "type" = 'redispatched' WHERE "type" = 'dispatched_again';
UPDATE "CallEvent" SET "data" = jsonb_set("data", '{reason}', CASE "data" ->> 'attempt' WHEN '0' THEN '"no_agent"'::jsonb ELSE '"agent_lost"'::jsonb END)
  WHERE "type" = 'redispatched' AND NOT "data" ? 'reason';
UPDATE "CallEvent" SET "data" = jsonb_set("data", '{command}', "data" -> 'order') - 'order' WHERE "type" IN ('ordered', 'order_lost') AND "data" ? 'order';
UPDATE "CallEvent" SET "type" = CASE "type"
    WHEN 'trouble' THEN 'failure'
    WHEN 'transfer_asked' THEN 'transfer_requested'
    WHEN 'handed_over' THEN 'agent_called_in'
    WHEN 'hand_over_failed' THEN 'agent_call_in_failed'
    WHEN 'ordered' THEN 'command_delivered'
    ELSE 'command_lost'
  END
  WHERE "type" IN ('trouble', 'transfer_asked', 'handed_over', 'hand_over_failed', 'ordered', 'order_lost');
UPDATE "CallLog" SET "routing" = jsonb_set("routing", '{source}', CASE "routing" ->> 'door'
    WHEN 'asked' THEN '"webhook"'::jsonb
    WHEN 'joined' THEN '"participant"'::jsonb
    ELSE '"job"'::jsonb
  END) - 'door'
  WHERE "routing" ? 'door';
