-- CreateEnum
CREATE TYPE "TransferState" AS ENUM ('asked', 'done', 'failed');

-- CreateEnum
CREATE TYPE "CommandType" AS ENUM ('end', 'say', 'transfer');

-- AlterTable
ALTER TABLE "Campaign" ADD COLUMN     "disclosureSentence" TEXT,
ADD COLUMN     "fallbackTransferTo" TEXT,
ADD COLUMN     "farewellSentence" TEXT,
ADD COLUMN     "secondLlmModel" TEXT,
ADD COLUMN     "transferDestinations" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "transferSentence" TEXT;

-- AlterTable
ALTER TABLE "CallLog" ADD COLUMN     "transferAskedAt" TIMESTAMP(3),
ADD COLUMN     "transferState" "TransferState",
ADD COLUMN     "transferTo" TEXT,
ADD COLUMN     "transferredAt" TIMESTAMP(3);

-- CreateTable
CREATE TABLE "CallCommand" (
    "id" TEXT NOT NULL,
    "callId" TEXT NOT NULL,
    "type" "CommandType" NOT NULL,
    "text" TEXT,
    "orderedBy" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "takenAt" TIMESTAMP(3),

    CONSTRAINT "CallCommand_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Erasure" (
    "id" TEXT NOT NULL,
    "tenantId" TEXT NOT NULL,
    "callerHash" TEXT NOT NULL,
    "calls" INTEGER NOT NULL,
    "turns" INTEGER NOT NULL,
    "messages" INTEGER NOT NULL,
    "leads" INTEGER NOT NULL,
    "erasedBy" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Erasure_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "CallCommand_callId_idx" ON "CallCommand"("callId");

-- CreateIndex
CREATE INDEX "CallCommand_createdAt_idx" ON "CallCommand"("createdAt") WHERE ("takenAt" IS NULL);

-- CreateIndex
CREATE INDEX "Erasure_tenantId_createdAt_id_idx" ON "Erasure"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallTurn_createdAt_idx" ON "CallTurn"("createdAt");

-- AddForeignKey
ALTER TABLE "CallCommand" ADD CONSTRAINT "CallCommand_callId_fkey" FOREIGN KEY ("callId") REFERENCES "CallLog"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Erasure" ADD CONSTRAINT "Erasure_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
