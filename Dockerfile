FROM node:24-slim

# LiveKit's media library trusts the certificates of the system, of which this image has none.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*

ENV NODE_ENV=production MALLOC_ARENA_MAX=2 DATABASE_URL=file:/data/telephony-agent.db VOICE_DIR=/data/voices
WORKDIR /app

# The media library comes as optional dependencies, and with them a Node that this image has already.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force && rm -rf node_modules/node-linux-* node_modules/.bin/node

COPY prisma prisma
COPY scripts scripts
RUN node scripts/prepare.mjs
COPY agents agents
COPY src src

RUN mkdir /data node_modules/.cache && chown node:node /data node_modules/.cache
VOLUME /data
USER node
EXPOSE 3000

# Only whether this process lives: a restart would end running calls, and heals neither LiveKit nor the database.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/livez').then((r) => { process.exitCode = r.ok ? 0 : 1; }, () => { process.exitCode = 1; })"]

# SIGTERM lets running calls finish: give the container that long (docker stop --time, terminationGracePeriodSeconds).
STOPSIGNAL SIGTERM
# The young generation would grow to 130 MB otherwise, to save a collection of a few milliseconds now and then.
CMD ["node", "--max-semi-space-size=16", "src/main.ts"]
