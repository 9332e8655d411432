-- CreateEnum
CREATE TYPE "UserRole" AS ENUM ('admin', 'owner', 'operator', 'viewer');

-- DropForeignKey
ALTER TABLE "Lead" DROP CONSTRAINT "Lead_campaignId_fkey";

-- DropIndex
DROP INDEX "PhoneNumber_tenantId_createdAt_idx";

-- DropIndex
DROP INDEX "PlatformTrunk_tenantId_idx";

-- DropIndex
DROP INDEX "Campaign_tenantId_createdAt_idx";

-- DropIndex
DROP INDEX "CallLog_tenantId_createdAt_idx";

-- DropIndex
DROP INDEX "CallLog_tenantId_phoneNumber_createdAt_idx";

-- DropIndex
DROP INDEX "CallLog_phoneNumberId_createdAt_idx";

-- AlterTable
ALTER TABLE "Tenant" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "PhoneNumber" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "PlatformTrunk" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Campaign" ADD COLUMN     "draft" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "publishedVersionId" TEXT,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Agent" ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Lead" ADD COLUMN     "archivedAt" TIMESTAMP(3),
ADD COLUMN     "tenantId" TEXT,
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;
UPDATE "Lead" SET "tenantId" = (SELECT "tenantId" FROM "Campaign" WHERE "id" = "Lead"."campaignId");
ALTER TABLE "Lead" ALTER COLUMN "tenantId" SET NOT NULL;

-- AlterTable
ALTER TABLE "CallLog" ADD COLUMN     "campaignVersionId" TEXT;

-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL,
    "tenantId" TEXT,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL DEFAULT '',
    "role" "UserRole" NOT NULL,
    "passwordHash" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Session" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMP(3) NOT NULL,
    "revokedAt" TIMESTAMP(3),

    CONSTRAINT "Session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "RefreshToken" (
    "hash" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "usedAt" TIMESTAMP(3),
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "RefreshToken_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "ApiToken" (
    "id" TEXT NOT NULL,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "hint" TEXT NOT NULL,
    "scopes" JSONB NOT NULL,
    "expiresAt" TIMESTAMP(3),
    "revokedAt" TIMESTAMP(3),
    "lastUsedAt" TIMESTAMP(3),
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "ApiToken_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "CampaignVersion" (
    "id" TEXT NOT NULL,
    "campaignId" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "settings" JSONB NOT NULL,
    "publishedBy" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "CampaignVersion_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");

-- CreateIndex
CREATE INDEX "User_tenantId_createdAt_id_idx" ON "User"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Session_userId_idx" ON "Session"("userId");

-- CreateIndex
CREATE INDEX "Session_expiresAt_idx" ON "Session"("expiresAt");

-- CreateIndex
CREATE INDEX "RefreshToken_sessionId_idx" ON "RefreshToken"("sessionId");

-- CreateIndex
CREATE UNIQUE INDEX "ApiToken_hash_key" ON "ApiToken"("hash");

-- CreateIndex
CREATE INDEX "ApiToken_tenantId_createdAt_id_idx" ON "ApiToken"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CampaignVersion_campaignId_createdAt_id_idx" ON "CampaignVersion"("campaignId", "createdAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "CampaignVersion_campaignId_number_key" ON "CampaignVersion"("campaignId", "number");

-- CreateIndex
CREATE INDEX "Tenant_createdAt_id_idx" ON "Tenant"("createdAt", "id");

-- CreateIndex
CREATE INDEX "PhoneNumber_tenantId_createdAt_id_idx" ON "PhoneNumber"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "PlatformTrunk_tenantId_createdAt_id_idx" ON "PlatformTrunk"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Campaign_publishedVersionId_key" ON "Campaign"("publishedVersionId");

-- CreateIndex
CREATE INDEX "Campaign_tenantId_createdAt_id_idx" ON "Campaign"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Agent_tenantId_createdAt_id_idx" ON "Agent"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Lead_tenantId_createdAt_id_idx" ON "Lead"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Lead_tenantId_phoneNumber_idx" ON "Lead"("tenantId", "phoneNumber");

-- CreateIndex
CREATE INDEX "Lead_campaignId_createdAt_id_idx" ON "Lead"("campaignId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_createdAt_id_idx" ON "CallLog"("tenantId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_phoneNumber_createdAt_id_idx" ON "CallLog"("tenantId", "phoneNumber", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_status_createdAt_id_idx" ON "CallLog"("tenantId", "status", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_duration_idx" ON "CallLog"("tenantId", "duration");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_campaignId_createdAt_id_idx" ON "CallLog"("tenantId", "campaignId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_phoneNumberId_createdAt_id_idx" ON "CallLog"("tenantId", "phoneNumberId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_leadId_createdAt_id_idx" ON "CallLog"("tenantId", "leadId", "createdAt", "id");

-- AddForeignKey
ALTER TABLE "User" ADD CONSTRAINT "User_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "RefreshToken" ADD CONSTRAINT "RefreshToken_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ApiToken" ADD CONSTRAINT "ApiToken_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Campaign" ADD CONSTRAINT "Campaign_publishedVersionId_fkey" FOREIGN KEY ("publishedVersionId") REFERENCES "CampaignVersion"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "CampaignVersion" ADD CONSTRAINT "CampaignVersion_campaignId_fkey" FOREIGN KEY ("campaignId") REFERENCES "Campaign"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Lead" ADD CONSTRAINT "Lead_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Lead" ADD CONSTRAINT "Lead_campaignId_tenantId_fkey" FOREIGN KEY ("campaignId", "tenantId") REFERENCES "Campaign"("id", "tenantId") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "CallLog" ADD CONSTRAINT "CallLog_campaignVersionId_fkey" FOREIGN KEY ("campaignVersionId") REFERENCES "CampaignVersion"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
