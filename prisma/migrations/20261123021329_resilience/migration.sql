-- AlterTable
ALTER TABLE "CallLog" ADD COLUMN "transferAskedAt" DATETIME;
ALTER TABLE "CallLog" ADD COLUMN "transferState" TEXT;
ALTER TABLE "CallLog" ADD COLUMN "transferTo" TEXT;
ALTER TABLE "CallLog" ADD COLUMN "transferredAt" DATETIME;

-- CreateTable
CREATE TABLE "CallCommand" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "callId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "text" TEXT,
    "orderedBy" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "takenAt" DATETIME,
    CONSTRAINT "CallCommand_callId_fkey" FOREIGN KEY ("callId") REFERENCES "CallLog" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Erasure" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "callerHash" TEXT NOT NULL,
    "calls" INTEGER NOT NULL,
    "turns" INTEGER NOT NULL,
    "messages" INTEGER NOT NULL,
    "leads" INTEGER NOT NULL,
    "erasedBy" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Erasure_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- AlterTable
ALTER TABLE "Campaign" ADD COLUMN "disclosureSentence" TEXT;
ALTER TABLE "Campaign" ADD COLUMN "fallbackTransferTo" TEXT;
ALTER TABLE "Campaign" ADD COLUMN "farewellSentence" TEXT;
ALTER TABLE "Campaign" ADD COLUMN "secondLlmModel" TEXT;
ALTER TABLE "Campaign" ADD COLUMN "transferDestinations" JSONB NOT NULL DEFAULT '[]';
ALTER TABLE "Campaign" ADD COLUMN "transferSentence" TEXT;

-- CreateIndex
CREATE INDEX "CallCommand_callId_idx" ON "CallCommand"("callId");

-- CreateIndex
CREATE INDEX "CallCommand_createdAt_idx" ON "CallCommand"("createdAt") WHERE "takenAt" IS NULL;

-- CreateIndex
CREATE INDEX "Erasure_tenantId_createdAt_id_idx" ON "Erasure"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallTurn_createdAt_idx" ON "CallTurn"("createdAt");
