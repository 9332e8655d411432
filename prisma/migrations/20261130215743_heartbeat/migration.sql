-- CreateTable
CREATE TABLE "Heartbeat" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "beatAt" DATETIME NOT NULL
);

-- The health check used to keep its row in the inbox.
DELETE FROM "WebhookEvent" WHERE "id" = 'health';
