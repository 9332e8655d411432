-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL DEFAULT '',
    "role" TEXT NOT NULL,
    "passwordHash" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "User_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Session" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" DATETIME NOT NULL,
    "revokedAt" DATETIME,
    CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "RefreshToken" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "sessionId" TEXT NOT NULL,
    "usedAt" DATETIME,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "RefreshToken_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ApiToken" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "hint" TEXT NOT NULL,
    "scopes" JSONB NOT NULL,
    "expiresAt" DATETIME,
    "revokedAt" DATETIME,
    "lastUsedAt" DATETIME,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "ApiToken_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "CampaignVersion" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "campaignId" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "settings" JSONB NOT NULL,
    "publishedBy" TEXT,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "CampaignVersion_campaignId_fkey" FOREIGN KEY ("campaignId") REFERENCES "Campaign" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Tenant" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL
);
INSERT INTO "new_Tenant" ("createdAt", "id", "isActive", "name", "updatedAt") SELECT "createdAt", "id", "isActive", "name", "updatedAt" FROM "Tenant";
DROP TABLE "Tenant";
ALTER TABLE "new_Tenant" RENAME TO "Tenant";
CREATE INDEX "Tenant_createdAt_id_idx" ON "Tenant"("createdAt", "id");
CREATE TABLE "new_PhoneNumber" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "number" TEXT NOT NULL,
    "type" TEXT NOT NULL DEFAULT 'LOCAL',
    "provider" TEXT NOT NULL DEFAULT 'TWILIO',
    "providerSid" TEXT,
    "tenantId" TEXT NOT NULL,
    "campaignId" TEXT,
    "livekitTrunkId" TEXT,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "purchasedAt" DATETIME,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "PhoneNumber_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "PhoneNumber_campaignId_tenantId_fkey" FOREIGN KEY ("campaignId", "tenantId") REFERENCES "Campaign" ("id", "tenantId") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_PhoneNumber" ("campaignId", "createdAt", "id", "isActive", "livekitTrunkId", "metadata", "number", "provider", "providerSid", "purchasedAt", "tenantId", "type", "updatedAt") SELECT "campaignId", "createdAt", "id", "isActive", "livekitTrunkId", "metadata", "number", "provider", "providerSid", "purchasedAt", "tenantId", "type", "updatedAt" FROM "PhoneNumber";
DROP TABLE "PhoneNumber";
ALTER TABLE "new_PhoneNumber" RENAME TO "PhoneNumber";
CREATE UNIQUE INDEX "PhoneNumber_number_key" ON "PhoneNumber"("number");
CREATE UNIQUE INDEX "PhoneNumber_providerSid_key" ON "PhoneNumber"("providerSid");
CREATE INDEX "PhoneNumber_tenantId_createdAt_id_idx" ON "PhoneNumber"("tenantId", "createdAt", "id");
CREATE INDEX "PhoneNumber_campaignId_idx" ON "PhoneNumber"("campaignId");
CREATE TABLE "new_PlatformTrunk" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "twilioTrunkSid" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "tenantId" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "PlatformTrunk_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_PlatformTrunk" ("createdAt", "id", "isActive", "name", "tenantId", "twilioTrunkSid", "updatedAt") SELECT "createdAt", "id", "isActive", "name", "tenantId", "twilioTrunkSid", "updatedAt" FROM "PlatformTrunk";
DROP TABLE "PlatformTrunk";
ALTER TABLE "new_PlatformTrunk" RENAME TO "PlatformTrunk";
CREATE UNIQUE INDEX "PlatformTrunk_twilioTrunkSid_key" ON "PlatformTrunk"("twilioTrunkSid");
CREATE INDEX "PlatformTrunk_tenantId_createdAt_id_idx" ON "PlatformTrunk"("tenantId", "createdAt", "id");
CREATE TABLE "new_Campaign" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'draft',
    "agentName" TEXT,
    "sipTrunkId" TEXT,
    "maxConcurrent" INTEGER NOT NULL DEFAULT 3,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    "publishedVersionId" TEXT,
    "draft" JSONB NOT NULL DEFAULT '{}',
    "prompt" TEXT NOT NULL DEFAULT '',
    "firstSpeaker" TEXT NOT NULL DEFAULT 'agent',
    "greeting" TEXT,
    "language" TEXT NOT NULL DEFAULT 'en',
    "voiceProvider" TEXT NOT NULL DEFAULT 'openai',
    "voice" TEXT,
    "voiceModel" TEXT,
    "llmModel" TEXT,
    "temperature" REAL,
    "sttModel" TEXT,
    "vad" TEXT NOT NULL DEFAULT 'bundled',
    "silenceAskMs" INTEGER NOT NULL DEFAULT 10000,
    "silenceGoodbyeMs" INTEGER NOT NULL DEFAULT 30000,
    "silenceHoldMs" INTEGER NOT NULL DEFAULT 60000,
    "maxCallMs" INTEGER NOT NULL DEFAULT 1800000,
    "silenceSentence" TEXT,
    "goodbyeSentence" TEXT,
    "timeLimitSentence" TEXT,
    "fullSentence" TEXT,
    CONSTRAINT "Campaign_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "Campaign_publishedVersionId_fkey" FOREIGN KEY ("publishedVersionId") REFERENCES "CampaignVersion" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_Campaign" ("agentName", "createdAt", "firstSpeaker", "fullSentence", "goodbyeSentence", "greeting", "id", "language", "llmModel", "maxCallMs", "maxConcurrent", "name", "prompt", "silenceAskMs", "silenceGoodbyeMs", "silenceHoldMs", "silenceSentence", "sipTrunkId", "status", "sttModel", "temperature", "tenantId", "timeLimitSentence", "updatedAt", "vad", "voice", "voiceModel", "voiceProvider") SELECT "agentName", "createdAt", "firstSpeaker", "fullSentence", "goodbyeSentence", "greeting", "id", "language", "llmModel", "maxCallMs", "maxConcurrent", "name", "prompt", "silenceAskMs", "silenceGoodbyeMs", "silenceHoldMs", "silenceSentence", "sipTrunkId", "status", "sttModel", "temperature", "tenantId", "timeLimitSentence", "updatedAt", "vad", "voice", "voiceModel", "voiceProvider" FROM "Campaign";
DROP TABLE "Campaign";
ALTER TABLE "new_Campaign" RENAME TO "Campaign";
CREATE UNIQUE INDEX "Campaign_publishedVersionId_key" ON "Campaign"("publishedVersionId");
CREATE INDEX "Campaign_tenantId_createdAt_id_idx" ON "Campaign"("tenantId", "createdAt", "id");
CREATE UNIQUE INDEX "Campaign_id_tenantId_key" ON "Campaign"("id", "tenantId");
CREATE TABLE "new_Agent" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "isDefault" BOOLEAN NOT NULL DEFAULT false,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Agent_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_Agent" ("createdAt", "id", "isActive", "isDefault", "name", "tenantId", "updatedAt") SELECT "createdAt", "id", "isActive", "isDefault", "name", "tenantId", "updatedAt" FROM "Agent";
DROP TABLE "Agent";
ALTER TABLE "new_Agent" RENAME TO "Agent";
CREATE INDEX "Agent_tenantId_createdAt_id_idx" ON "Agent"("tenantId", "createdAt", "id");
CREATE UNIQUE INDEX "Agent_tenantId_name_key" ON "Agent"("tenantId", "name");
CREATE UNIQUE INDEX "Agent_tenantId_default_key" ON "Agent"("tenantId") WHERE "isActive" = true AND "isDefault" = true;
CREATE TABLE "new_Lead" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "campaignId" TEXT NOT NULL,
    "phoneNumber" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'new',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lastCallAt" DATETIME,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "archivedAt" DATETIME,
    "version" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Lead_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "Lead_campaignId_tenantId_fkey" FOREIGN KEY ("campaignId", "tenantId") REFERENCES "Campaign" ("id", "tenantId") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_Lead" ("tenantId", "attempts", "campaignId", "createdAt", "id", "lastCallAt", "metadata", "name", "phoneNumber", "status", "updatedAt") SELECT (SELECT "tenantId" FROM "Campaign" WHERE "id" = "Lead"."campaignId"), "attempts", "campaignId", "createdAt", "id", "lastCallAt", "metadata", "name", "phoneNumber", "status", "updatedAt" FROM "Lead";
DROP TABLE "Lead";
ALTER TABLE "new_Lead" RENAME TO "Lead";
CREATE INDEX "Lead_campaignId_status_idx" ON "Lead"("campaignId", "status");
CREATE INDEX "Lead_tenantId_createdAt_id_idx" ON "Lead"("tenantId", "createdAt", "id");
CREATE INDEX "Lead_tenantId_phoneNumber_idx" ON "Lead"("tenantId", "phoneNumber");
CREATE INDEX "Lead_campaignId_createdAt_id_idx" ON "Lead"("campaignId", "createdAt", "id");
CREATE UNIQUE INDEX "Lead_campaignId_phoneNumber_key" ON "Lead"("campaignId", "phoneNumber");
CREATE TABLE "new_CallLog" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "leadId" TEXT,
    "campaignId" TEXT,
    "campaignVersionId" TEXT,
    "tenantId" TEXT,
    "phoneNumberId" TEXT,
    "direction" TEXT NOT NULL DEFAULT 'inbound',
    "phoneNumber" TEXT NOT NULL,
    "dialledNumber" TEXT NOT NULL,
    "callSid" TEXT NOT NULL,
    "roomName" TEXT NOT NULL,
    "openRoom" TEXT,
    "status" TEXT NOT NULL DEFAULT 'ringing',
    "agentName" TEXT,
    "rejectReason" TEXT,
    "answeredAt" DATETIME,
    "endedAt" DATETIME,
    "duration" INTEGER,
    "durationSource" TEXT,
    "endReason" TEXT,
    "endSource" TEXT,
    "endCause" TEXT,
    "ownerId" TEXT,
    "leaseUntil" DATETIME,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "version" INTEGER NOT NULL DEFAULT 0,
    "jobId" TEXT,
    "dispatchedAt" DATETIME,
    "callerIdentity" TEXT,
    "agentIdentity" TEXT,
    "timings" JSONB NOT NULL DEFAULT '{}',
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "CallLog_leadId_fkey" FOREIGN KEY ("leadId") REFERENCES "Lead" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "CallLog_campaignId_fkey" FOREIGN KEY ("campaignId") REFERENCES "Campaign" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "CallLog_campaignVersionId_fkey" FOREIGN KEY ("campaignVersionId") REFERENCES "CampaignVersion" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "CallLog_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "CallLog_phoneNumberId_fkey" FOREIGN KEY ("phoneNumberId") REFERENCES "PhoneNumber" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);
INSERT INTO "new_CallLog" ("agentIdentity", "agentName", "answeredAt", "attempt", "callSid", "callerIdentity", "campaignId", "createdAt", "dialledNumber", "direction", "dispatchedAt", "duration", "durationSource", "endCause", "endReason", "endSource", "endedAt", "id", "jobId", "leadId", "leaseUntil", "metadata", "openRoom", "ownerId", "phoneNumber", "phoneNumberId", "rejectReason", "roomName", "status", "tenantId", "timings", "updatedAt", "version") SELECT "agentIdentity", "agentName", "answeredAt", "attempt", "callSid", "callerIdentity", "campaignId", "createdAt", "dialledNumber", "direction", "dispatchedAt", "duration", "durationSource", "endCause", "endReason", "endSource", "endedAt", "id", "jobId", "leadId", "leaseUntil", "metadata", "openRoom", "ownerId", "phoneNumber", "phoneNumberId", "rejectReason", "roomName", "status", "tenantId", "timings", "updatedAt", "version" FROM "CallLog";
DROP TABLE "CallLog";
ALTER TABLE "new_CallLog" RENAME TO "CallLog";
CREATE UNIQUE INDEX "CallLog_callSid_key" ON "CallLog"("callSid");
CREATE UNIQUE INDEX "CallLog_openRoom_key" ON "CallLog"("openRoom");
CREATE INDEX "CallLog_tenantId_createdAt_id_idx" ON "CallLog"("tenantId", "createdAt", "id");
CREATE INDEX "CallLog_tenantId_phoneNumber_createdAt_id_idx" ON "CallLog"("tenantId", "phoneNumber", "createdAt", "id");
CREATE INDEX "CallLog_tenantId_status_createdAt_id_idx" ON "CallLog"("tenantId", "status", "createdAt", "id");
CREATE INDEX "CallLog_tenantId_duration_idx" ON "CallLog"("tenantId", "duration");
CREATE INDEX "CallLog_tenantId_campaignId_createdAt_id_idx" ON "CallLog"("tenantId", "campaignId", "createdAt", "id");
CREATE INDEX "CallLog_tenantId_phoneNumberId_createdAt_id_idx" ON "CallLog"("tenantId", "phoneNumberId", "createdAt", "id");
CREATE INDEX "CallLog_tenantId_leadId_createdAt_id_idx" ON "CallLog"("tenantId", "leadId", "createdAt", "id");
CREATE INDEX "CallLog_campaignId_status_idx" ON "CallLog"("campaignId", "status");
CREATE INDEX "CallLog_leadId_status_idx" ON "CallLog"("leadId", "status");
CREATE INDEX "CallLog_roomName_createdAt_idx" ON "CallLog"("roomName", "createdAt");
CREATE INDEX "CallLog_status_createdAt_idx" ON "CallLog"("status", "createdAt");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

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
