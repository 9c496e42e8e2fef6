# check=skip=FromPlatformFlagConstDisallowed
#
# The gateway's image. From the repository's root:
#
#   docker buildx build --file .aws/images/gateway.Dockerfile --tag stylize-gateway .
#
# NODE_IMAGE pins the base: node:24-trixie-slim@sha256:..., the digest of the index as `docker buildx imagetools
# inspect` prints it. Everything but /tmp may be read-only.
ARG NODE_IMAGE=node:24-trixie-slim

# On the builder's own platform, whichever that is: what it makes is the same on all.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY service/package.json service/
RUN npm ci --ignore-scripts
COPY . .
# Modes in a clone depend on the umask of who cloned.
RUN npx tsc -p service \
    && npm run build:pages \
    && chmod -R u=rwX,go=rX LICENSE service

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY service/package.json service/
# Gateways compute no pictures: webgpu is the worker's.
RUN npm ci --omit=dev --workspace stylize-service --ignore-scripts --os=linux --cpu=x64 --libc=glibc \
    && rm -rf node_modules/webgpu node_modules/stylize-service node_modules/.bin

FROM --platform=linux/amd64 ${NODE_IMAGE}
# Nothing is installed any more: no package managers.
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* /root/.npm \
    && rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
WORKDIR /app
COPY --from=packages /app/node_modules node_modules/
COPY --from=build /app/LICENSE /app/service/package.json ./
COPY --from=build /app/service/dist dist/
ENV NODE_ENV=production \
    STYLIZE_HOST=0.0.0.0 \
    STYLIZE_PORT=3000
EXPOSE 3000
# Open to all users here, and so in the empty volume that a container gets: large pictures are decoded through a file.
VOLUME ["/tmp"]
USER 1000:1000
# For `docker run`; ECS has its own in the task definition.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:3000/healthz').then(({ok}) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "/app/dist/gateway/main.js"]

ARG NODE_IMAGE
ARG REVISION=unknown
LABEL org.opencontainers.image.title="stylize gateway" \
      org.opencontainers.image.description="Takes pictures from browsers, hands them to workers, tells of results." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
