/** The sample data of `npm run demo` and `npm run dev`: a dental clinic whose front desk answers one number. */
import { defaultSettings } from '../campaigns/campaign.ts';
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';

export const sampleNumber = '+18588796658';

/** Fixed, so that a second run finds what the first one created, even if it has been renamed since. */
const ids = {
  tenant: '01990000-0000-7000-8000-000000000001',
  campaign: '01990000-0000-7000-8000-000000000002',
  agent: '01990000-0000-7000-8000-000000000003',
} as const;

const greeting = 'Thank you for calling {{tenant.name}}. This is the virtual assistant. How can I help you?';

const prompt = `
You are the {{campaign.name}} of {{tenant.name}}, a friendly dental clinic. It is {{now}}.
You are speaking with {{lead.name}}, who is calling from {{caller.number}}.

The clinic is open Monday to Thursday from eight in the morning to six in the evening, and Friday from eight to two.
It is at 120 Harbor Street, with parking behind the building. A checkup with cleaning takes 45 minutes and costs 95 dollars.
New patients are welcome. Callers who are in pain or have had an accident are seen the same day.

You can answer questions about the clinic, and take a message when a caller wants to book or change an appointment or has a
question for the dentist. You cannot see the calendar, so never confirm a time: note which days and times suit the caller, and
say that the office will call back to confirm. Do not give medical advice. If the caller reports trouble breathing, heavy
bleeding or a serious injury, tell them to hang up and call the emergency number.
`.trim();

/** What happened to one record. */
type SeedStep = Readonly<{
  record: 'tenant' | 'campaign' | 'number' | 'agent';
  action: 'created' | 'kept';
  id: string;
  label: string;
}>;

const step = (
  record: SeedStep['record'],
  action: SeedStep['action'],
  { id }: { id: string },
  label: string,
): SeedStep => ({ record, action, id, label });

/**
 * Creates the sample data. Records that exist are left unchanged.
 * @param number the number to answer, in E.164; an existing one keeps its tenant and campaign
 * @returns one step for each record
 */
export const seed = (db: Db, { number }: { number: string }): Promise<SeedStep[]> =>
  transaction(db, async (tx) => [
    await seedTenant(tx),
    await seedAgent(tx),
    await seedCampaign(tx),
    await seedNumber(tx, number),
  ]);

const seedTenant = async (tx: DbClient): Promise<SeedStep> => {
  const found = await tx.tenant.findUnique({ where: { id: ids.tenant } });
  if (found !== null) return step('tenant', 'kept', found, found.name);
  const created = await tx.tenant.create({ data: { id: ids.tenant, name: 'Bright Smile Dental' } });
  return step('tenant', 'created', created, created.name);
};

const seedAgent = async (tx: DbClient): Promise<SeedStep> => {
  const name = 'telephony-agent';
  const others = [{ id: ids.agent }, { name }, { isActive: true, isDefault: true }];
  const found = await tx.agent.findFirst({ where: { tenantId: ids.tenant, OR: others }, orderBy: { id: 'asc' } });
  if (found !== null) return step('agent', 'kept', found, found.name);
  const created = await tx.agent.create({ data: { id: ids.agent, tenantId: ids.tenant, name, isDefault: true } });
  return step('agent', 'created', created, created.name);
};

const seedCampaign = async (tx: DbClient): Promise<SeedStep> => {
  const found = await tx.campaign.findUnique({ where: { id: ids.campaign } });
  if (found !== null) return step('campaign', 'kept', found, found.name);
  const name = 'Front desk';
  const created = await tx.campaign.create({
    data: { id: ids.campaign, tenantId: ids.tenant, name, status: 'active', greeting, prompt },
  });
  const version = await tx.campaignVersion.create({
    data: { campaignId: ids.campaign, number: 1, settings: { ...defaultSettings, name, greeting, prompt } },
  });
  await tx.campaign.update({ where: { id: ids.campaign }, data: { publishedVersionId: version.id } });
  return step('campaign', 'created', created, created.name);
};

const seedNumber = async (tx: DbClient, number: string): Promise<SeedStep> => {
  const found = await tx.phoneNumber.findUnique({ where: { number } });
  if (found !== null) return step('number', 'kept', found, number);
  const created = await tx.phoneNumber.create({ data: { number, tenantId: ids.tenant, campaignId: ids.campaign } });
  return step('number', 'created', created, number);
};
