# The database clients are generated with development packages, which the service itself doesn't need.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=optional
COPY scripts scripts
COPY prisma prisma
RUN node scripts/prepare.mjs

FROM node:24-slim

# LiveKit's media library uses the system's CA certificates, which this image lacks.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*

ENV NODE_ENV=production MALLOC_ARENA_MAX=2 DATABASE_URL=file:/data/telephony-agent.db VOICE_DIR=/data/voices
WORKDIR /app

# The media library is an optional dependency, and so is a packaged Node, which this image already has.
COPY package.json package-lock.json .npmrc ./
COPY scripts scripts
RUN npm ci --omit=dev && npm cache clean --force && rm -rf node_modules/node-linux-* node_modules/.bin/node && node scripts/prune.mjs

COPY prisma prisma
COPY --from=build /app/src/database/generated src/database/generated
COPY agents agents
COPY src src

RUN mkdir /data node_modules/.cache && chown node:node /data node_modules/.cache
VOLUME /data
USER node
EXPOSE 3000

# Checks only that this process is alive: a restart would end running calls, and would fix neither LiveKit nor the database.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/livez').then((r) => { process.exitCode = r.ok ? 0 : 1; }, () => { process.exitCode = 1; })"]

# On SIGTERM, running calls finish first: give the container time for that (docker stop --time, terminationGracePeriodSeconds).
STOPSIGNAL SIGTERM
# Without the limit, V8's young generation grows to 130 MB, to save an occasional collection of a few milliseconds.
CMD ["node", "--max-semi-space-size=16", "src/main.ts"]
