/** The sample data: a clinic whose front desk answers one number. For trying things out; `npm run demo` speaks with it. */
import { defaultSettings } from '../campaigns/campaign.ts';
import type { Db, DbClient } from '../database/open.ts';
import { transaction } from '../database/transaction.ts';

export const sampleNumber = '+18588796658';

/** Fixed, so that a second run finds what the first one made, whatever an operator has renamed since. */
const ids = {
  tenant: '01990000-0000-7000-8000-000000000001',
  campaign: '01990000-0000-7000-8000-000000000002',
  agent: '01990000-0000-7000-8000-000000000003',
} as const;

const prompt = `
You are the {{campaign.name}} of {{tenant.name}}, a friendly dental clinic. It is {{now}}.
You are speaking with {{lead.name}}, who calls from {{caller.number}}.

The clinic is open Monday to Thursday from eight in the morning to six in the evening, and Friday from eight to two.
It is at 120 Harbor Street, with parking behind the building. A check-up with cleaning takes 45 minutes and costs 95 dollars.
New patients are welcome. In pain or after an accident, callers are seen the same day.

You can answer questions about the clinic and take a message for what callers would like: an appointment, a change, a question
for the dentist. You don't see the calendar, so never confirm a time: note which day and time suits, and say that the office
calls back to confirm. Give no medical advice; with trouble breathing, heavy bleeding or a serious injury tell the caller to
hang up and call the emergency number.
`.trim();

/** What became of one record of the sample. */
export type SeedStep = Readonly<{
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
 * Makes the sample data, where it isn't there yet: what exists is left as it is.
 * @param number the number that is answered, in E.164; one that exists keeps its tenant and campaign
 * @returns what was done, a step for each record
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
  const made = await tx.tenant.create({ data: { id: ids.tenant, name: 'Bright Smile Dental' } });
  return step('tenant', 'created', made, made.name);
};

const seedAgent = async (tx: DbClient): Promise<SeedStep> => {
  const name = 'telephony-agent';
  const others = [{ id: ids.agent }, { name }, { isActive: true, isDefault: true }];
  const found = await tx.agent.findFirst({ where: { tenantId: ids.tenant, OR: others }, orderBy: { id: 'asc' } });
  if (found !== null) return step('agent', 'kept', found, found.name);
  const made = await tx.agent.create({ data: { id: ids.agent, tenantId: ids.tenant, name, isDefault: true } });
  return step('agent', 'created', made, made.name);
};

const seedCampaign = async (tx: DbClient): Promise<SeedStep> => {
  const found = await tx.campaign.findUnique({ where: { id: ids.campaign } });
  if (found !== null) return step('campaign', 'kept', found, found.name);
  const name = 'Front desk';
  const made = await tx.campaign.create({
    data: { id: ids.campaign, tenantId: ids.tenant, name, status: 'active', prompt },
  });
  const version = await tx.campaignVersion.create({
    data: { campaignId: ids.campaign, number: 1, settings: { ...defaultSettings, name, prompt } },
  });
  await tx.campaign.update({ where: { id: ids.campaign }, data: { publishedVersionId: version.id } });
  return step('campaign', 'created', made, made.name);
};

const seedNumber = async (tx: DbClient, number: string): Promise<SeedStep> => {
  const found = await tx.phoneNumber.findUnique({ where: { number } });
  if (found !== null) return step('number', 'kept', found, number);
  const made = await tx.phoneNumber.create({ data: { number, tenantId: ids.tenant, campaignId: ids.campaign } });
  return step('number', 'created', made, number);
};
