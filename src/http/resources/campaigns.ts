/** /api/v1/campaigns: how an agent conducts its calls. Clients edit a draft; calls run with the published settings. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { campaignStatuses, conversation } from '../../campaigns/campaign.ts';
import { previewCampaign, publishCampaign, type Sample } from '../../calls/preview/publish-campaign.ts';
import {
  editCampaign,
  findCampaign,
  insertCampaign,
  listCampaigns,
  listVersions,
  type CampaignRecord,
  type CampaignVersion,
} from '../../campaigns/scoped-store.ts';
import type { Context } from '../../context.ts';
import { name } from '../../database/storable-text.ts';
import type { Guard } from '../conventions/access.ts';
import { camelOf, snakeOf, snakeShape } from '../conventions/snake-case.ts';
import { allOptional, id, version, timestamp } from '../conventions/fields.ts';
import { actionRoute, updateRoute, createRoute, getRoute, idOf, listRoute } from '../conventions/resource-routes.ts';

const settings = z.object(snakeShape(conversation.shape));
const draft = z.strictObject(allOptional(settings.shape));

const json = z.object({
  id,
  name: z.string(),
  status: z.enum(campaignStatuses).describe('Publishing makes a draft active. After that, set it to active or paused.'),
  agent_name: z.string().nullable(),
  sip_trunk_id: z.string().nullable(),
  max_concurrent: z.number(),
  published_version: z.object({ id, number: z.number(), created_at: timestamp }).nullable(),
  published: settings.describe('The settings that calls run with.'),
  draft: settings.describe('The settings being edited. Publishing makes them the published ones.'),
  has_changes: z.boolean().describe('Whether the draft differs from the published settings.'),
  version,
  created_at: timestamp,
  updated_at: timestamp,
});

const toJson = ({
  published,
  publishedVersion,
  draft: edited,
  ...campaign
}: CampaignRecord): z.output<typeof json> => ({
  ...snakeOf(campaign),
  published_version: publishedVersion === null ? null : snakeOf(publishedVersion),
  published: snakeOf(published),
  draft: snakeOf(edited),
  has_changes: JSON.stringify(published) !== JSON.stringify(edited),
});

const versionJson = z.object({
  id,
  number: z.number(),
  published_by: z.string().nullable().describe('The id of the user or API token.'),
  created_at: timestamp,
  settings: settings.extend({ name: z.string() }).nullable(),
});

const versionToJson = ({ settings: published, ...record }: CampaignVersion): z.output<typeof versionJson> => ({
  ...snakeOf(record),
  settings: published === null ? null : snakeOf(published),
});

const sample = z
  .object({ prompt: z.string(), greeting: z.string(), sentences: z.record(z.string(), z.string()) })
  .describe('The texts as a first-time caller would hear them.');

const previewJson = z.object({ problems: z.array(z.string()), sample });

const fields = {
  name: name(200),
  agent_name: name(100)
    .nullable()
    .describe("The agent that takes the campaign's calls. Null: the tenant's default agent."),
  sip_trunk_id: name(100).nullable().describe('For outbound calls.'),
  max_concurrent: z.int().min(1).max(1000).describe('Concurrent calls. Further callers hear full_sentence.'),
};

export const campaignRoutes = (app: FastifyInstance, ctx: Context, guard: Guard): void => {
  const { db } = ctx;
  const { scopeOf } = guard;
  const campaigns = { path: '/campaigns', singular: 'campaign', json, toJson } as const;
  const reading = { ...campaigns, access: 'campaigns:read' } as const;
  const writing = { ...campaigns, access: 'campaigns:write' } as const;
  listRoute(app, {
    ...reading,
    query: { status: z.enum(campaignStatuses).exactOptional().describe('By default, all except archived campaigns.') },
    list: async (request, query, page) => listCampaigns(db, scopeOf(request), query, page),
  });
  getRoute(app, { ...reading, find: async (request, campaignId) => findCampaign(db, scopeOf(request), campaignId) });
  createRoute(app, {
    ...writing,
    body: { ...allOptional(fields), name: fields.name, draft: draft.default({}) },
    create: async (request, { draft: edited, ...body }) =>
      insertCampaign(db, scopeOf(request), { ...camelOf(body), draft: camelOf(edited) }),
  });
  updateRoute(app, {
    ...writing,
    body: {
      ...allOptional(fields),
      status: z.enum(campaignStatuses).exactOptional(),
      draft: draft.nullable().exactOptional().describe('The settings to change; null discards the draft.'),
    },
    update: async (request, read, { draft: edited, ...body }) =>
      editCampaign(db, scopeOf(request), read, {
        ...camelOf(body),
        ...(edited !== undefined && { draft: edited === null ? null : camelOf(edited) }),
      }),
  });
  actionRoute(app, {
    ...writing,
    action: 'archive',
    summary: 'Archive a campaign: calls to its numbers are rejected',
    act: async (request, read) => editCampaign(db, scopeOf(request), read, { status: 'archived' }),
  });
  publishingRoutes(app, ctx, guard);
};

const publishingRoutes = (app: FastifyInstance, ctx: Context, { principalOf, scopeOf }: Guard): void => {
  const campaigns = { path: '/campaigns', singular: 'campaign' } as const;
  actionRoute(app, {
    ...campaigns,
    access: 'campaigns:write',
    action: 'publish',
    summary: 'Publish the draft: new calls run with it',
    json: z.object({ campaign: json, sample }),
    toJson: (published: { campaign: CampaignRecord; sample: Sample }) => ({
      campaign: toJson(published.campaign),
      sample: published.sample,
    }),
    act: async (request, read) => publishCampaign(ctx, scopeOf(request), { ...read, by: principalOf(request).id }),
  });
  actionRoute(app, {
    ...campaigns,
    access: 'campaigns:read',
    action: 'preview',
    summary: 'Preview the draft: what callers would hear, and what prevents publishing',
    json: previewJson,
    toJson: (preview: { problems: readonly string[]; sample: Sample }) => ({
      problems: [...preview.problems],
      sample: preview.sample,
    }),
    act: async (request, read) => (await previewCampaign(ctx, scopeOf(request), read.id)) ?? 'missing',
  });
  listRoute(app, {
    path: '/campaigns/:id/versions',
    singular: 'campaign',
    summary: "List a campaign's published versions",
    access: 'campaigns:read',
    json: versionJson,
    toJson: versionToJson,
    query: {},
    list: async (request, _query, page) => listVersions(ctx.db, scopeOf(request), idOf(request), page),
  });
};
