-- DropIndex
DROP INDEX "Lead_campaignId_status_idx";

-- DropIndex
DROP INDEX "Lead_tenantId_createdAt_id_idx";

-- DropIndex
DROP INDEX "Lead_campaignId_createdAt_id_idx";

-- DropIndex
DROP INDEX "CallLog_tenantId_createdAt_id_idx";

-- DropIndex
DROP INDEX "CallLog_tenantId_status_createdAt_id_idx";

-- DropIndex
DROP INDEX "CallLog_tenantId_campaignId_createdAt_id_idx";

-- DropIndex
DROP INDEX "CallLog_tenantId_phoneNumberId_createdAt_id_idx";

-- DropIndex
DROP INDEX "CallLog_tenantId_leadId_createdAt_id_idx";

-- DropIndex
DROP INDEX "CallLog_campaignId_status_idx";

-- DropIndex
DROP INDEX "CallLog_leadId_status_idx";

-- CreateIndex
CREATE INDEX "Lead_tenantId_status_createdAt_id_idx" ON "Lead"("tenantId", "status", "createdAt", "id") WHERE ("archivedAt" IS NULL);

-- CreateIndex
CREATE INDEX "Lead_campaignId_status_createdAt_id_idx" ON "Lead"("campaignId", "status", "createdAt", "id") WHERE ("archivedAt" IS NULL);

-- CreateIndex
CREATE INDEX "Lead_tenantId_createdAt_id_idx" ON "Lead"("tenantId", "createdAt", "id") WHERE ("archivedAt" IS NOT NULL);

-- CreateIndex
CREATE INDEX "CallLog_tenantId_status_createdAt_id_duration_idx" ON "CallLog"("tenantId", "status", "createdAt", "id", "duration");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_phoneNumberId_status_createdAt_id_duration_idx" ON "CallLog"("tenantId", "phoneNumberId", "status", "createdAt", "id", "duration");

-- CreateIndex
CREATE INDEX "CallLog_campaignId_status_createdAt_id_duration_idx" ON "CallLog"("campaignId", "status", "createdAt", "id", "duration");

-- CreateIndex
CREATE INDEX "CallLog_leadId_createdAt_id_idx" ON "CallLog"("leadId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "CallLog_ownerId_idx" ON "CallLog"("ownerId") WHERE ("openRoom" IS NOT NULL);
