-- AlterTable
ALTER TABLE "CallLog" ADD COLUMN     "routing" JSONB NOT NULL DEFAULT '{}';
