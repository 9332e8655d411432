-- AlterTable
ALTER TABLE "Erasure" DROP COLUMN "callerHash";
