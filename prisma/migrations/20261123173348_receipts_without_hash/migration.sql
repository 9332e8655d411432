-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Erasure" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "tenantId" TEXT NOT NULL,
    "calls" INTEGER NOT NULL,
    "turns" INTEGER NOT NULL,
    "messages" INTEGER NOT NULL,
    "leads" INTEGER NOT NULL,
    "erasedBy" TEXT NOT NULL,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "Erasure_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_Erasure" ("calls", "createdAt", "erasedBy", "id", "leads", "messages", "tenantId", "turns") SELECT "calls", "createdAt", "erasedBy", "id", "leads", "messages", "tenantId", "turns" FROM "Erasure";
DROP TABLE "Erasure";
ALTER TABLE "new_Erasure" RENAME TO "Erasure";
CREATE INDEX "Erasure_tenantId_createdAt_id_idx" ON "Erasure"("tenantId", "createdAt", "id");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
