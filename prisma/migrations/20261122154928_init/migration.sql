-- CreateTable
CREATE TABLE "Tenant" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL
);

-- CreateTable
CREATE TABLE "PhoneNumber" (
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
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "PhoneNumber_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "PhoneNumber_campaignId_tenantId_fkey" FOREIGN KEY ("campaignId", "tenantId") REFERENCES "Campaign" ("id", "tenantId") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "PlatformTrunk" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "twilioTrunkSid" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "tenantId" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "PlatformTrunk_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Campaign" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'draft',
    "agentName" TEXT,
    "sipTrunkId" TEXT,
    "maxConcurrent" INTEGER NOT NULL DEFAULT 3,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
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
    CONSTRAINT "Campaign_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Agent" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "isActive" BOOLEAN NOT NULL DEFAULT true,
    "isDefault" BOOLEAN NOT NULL DEFAULT false,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Agent_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Lead" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "campaignId" TEXT NOT NULL,
    "phoneNumber" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'new',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "lastCallAt" DATETIME,
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" DATETIME NOT NULL,
    CONSTRAINT "Lead_campaignId_fkey" FOREIGN KEY ("campaignId") REFERENCES "Campaign" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "CallLog" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "leadId" TEXT,
    "campaignId" TEXT,
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
    CONSTRAINT "CallLog_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT "CallLog_phoneNumberId_fkey" FOREIGN KEY ("phoneNumberId") REFERENCES "PhoneNumber" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "CallTurn" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "callId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "role" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "startMs" INTEGER NOT NULL,
    "endMs" INTEGER NOT NULL,
    "interrupted" BOOLEAN NOT NULL DEFAULT false,
    "latency" JSONB,
    "toolName" TEXT,
    "toolArguments" JSONB,
    "toolResult" JSONB,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "CallTurn_callId_fkey" FOREIGN KEY ("callId") REFERENCES "CallLog" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "CallMessage" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "callId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "number" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "CallMessage_callId_fkey" FOREIGN KEY ("callId") REFERENCES "CallLog" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "CallEvent" (
    "seq" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "callId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "data" JSONB NOT NULL DEFAULT '{}',
    "at" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "CallEvent_callId_fkey" FOREIGN KEY ("callId") REFERENCES "CallLog" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "WebhookEvent" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "event" TEXT NOT NULL,
    "roomName" TEXT,
    "callId" TEXT,
    "receivedAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- CreateIndex
CREATE UNIQUE INDEX "PhoneNumber_number_key" ON "PhoneNumber"("number");

-- CreateIndex
CREATE UNIQUE INDEX "PhoneNumber_providerSid_key" ON "PhoneNumber"("providerSid");

-- CreateIndex
CREATE INDEX "PhoneNumber_tenantId_createdAt_idx" ON "PhoneNumber"("tenantId", "createdAt");

-- CreateIndex
CREATE INDEX "PhoneNumber_campaignId_idx" ON "PhoneNumber"("campaignId");

-- CreateIndex
CREATE UNIQUE INDEX "PlatformTrunk_twilioTrunkSid_key" ON "PlatformTrunk"("twilioTrunkSid");

-- CreateIndex
CREATE INDEX "PlatformTrunk_tenantId_idx" ON "PlatformTrunk"("tenantId");

-- CreateIndex
CREATE INDEX "Campaign_tenantId_createdAt_idx" ON "Campaign"("tenantId", "createdAt");

-- CreateIndex
CREATE UNIQUE INDEX "Campaign_id_tenantId_key" ON "Campaign"("id", "tenantId");

-- CreateIndex
CREATE UNIQUE INDEX "Agent_tenantId_name_key" ON "Agent"("tenantId", "name");

-- CreateIndex
CREATE UNIQUE INDEX "Agent_tenantId_default_key" ON "Agent"("tenantId") WHERE "isActive" = true AND "isDefault" = true;

-- CreateIndex
CREATE INDEX "Lead_campaignId_status_idx" ON "Lead"("campaignId", "status");

-- CreateIndex
CREATE UNIQUE INDEX "Lead_campaignId_phoneNumber_key" ON "Lead"("campaignId", "phoneNumber");

-- CreateIndex
CREATE UNIQUE INDEX "CallLog_callSid_key" ON "CallLog"("callSid");

-- CreateIndex
CREATE UNIQUE INDEX "CallLog_openRoom_key" ON "CallLog"("openRoom");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_createdAt_idx" ON "CallLog"("tenantId", "createdAt");

-- CreateIndex
CREATE INDEX "CallLog_tenantId_phoneNumber_createdAt_idx" ON "CallLog"("tenantId", "phoneNumber", "createdAt");

-- CreateIndex
CREATE INDEX "CallLog_campaignId_status_idx" ON "CallLog"("campaignId", "status");

-- CreateIndex
CREATE INDEX "CallLog_phoneNumberId_createdAt_idx" ON "CallLog"("phoneNumberId", "createdAt");

-- CreateIndex
CREATE INDEX "CallLog_leadId_status_idx" ON "CallLog"("leadId", "status");

-- CreateIndex
CREATE INDEX "CallLog_roomName_createdAt_idx" ON "CallLog"("roomName", "createdAt");

-- CreateIndex
CREATE INDEX "CallLog_status_createdAt_idx" ON "CallLog"("status", "createdAt");

-- CreateIndex
CREATE UNIQUE INDEX "CallTurn_callId_seq_key" ON "CallTurn"("callId", "seq");

-- CreateIndex
CREATE INDEX "CallMessage_callId_idx" ON "CallMessage"("callId");

-- CreateIndex
CREATE INDEX "CallEvent_callId_seq_idx" ON "CallEvent"("callId", "seq");

-- CreateIndex
CREATE INDEX "WebhookEvent_receivedAt_idx" ON "WebhookEvent"("receivedAt");
