# check=skip=FromPlatformFlagConstDisallowed
#
# The worker's image. From the repository's root:
#
#   docker buildx build --file .aws/images/worker.Dockerfile --tag stylize-worker --build-arg WEIGHTS=vgg19 .
#
# WEIGHTS names a network of `stylize weights list` that is fetched, and whose convolutions (80 MB) are baked in; when
# empty, workers use `compact`, which each image has, and nothing is fetched, neither here nor by them. NODE_IMAGE
# pins the base: node:24-trixie-slim@sha256:..., the digest of the index as `docker buildx imagetools inspect` prints
# it. Everything but /tmp may be read-only.
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
    && cp -R shaders service/dist/ \
    && mkdir service/dist/networks \
    && cp weights/compact/*.safetensors service/dist/networks/ \
    && chmod -R u=rwX,go=rX LICENSE service
ARG WEIGHTS=""
# What is fetched has the published SHA-256, or the build fails.
RUN mkdir networks \
    && if [ -n "$WEIGHTS" ]; then \
         npx tsx cli/main.ts weights pull "$WEIGHTS" --cache /tmp/cache \
         && npx tsx cli/main.ts weights convert "$WEIGHTS" "networks/$WEIGHTS.safetensors" --cache /tmp/cache \
         && rm -rf /tmp/cache; \
       fi

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY service/package.json service/
RUN npm ci --omit=dev --workspace stylize-service --ignore-scripts --os=linux --cpu=x64 --libc=glibc \
    && find node_modules/webgpu/dist -mindepth 1 -maxdepth 1 ! -name linux-x64 -exec rm -rf {} + \
    && rm -rf node_modules/stylize-service node_modules/.bin

FROM --platform=linux/amd64 ${NODE_IMAGE}
# What NVIDIA's Vulkan driver needs of the system: the loader, X11's libraries, which libGLX_nvidia.so.0 is linked to,
# and libEGL.so.1, by which it works without a display. The driver itself comes from the host when a container starts:
# it must be that of the host's kernel. Debian's libegl1 insists on Mesa and LLVM, 170 MB with a renderer on the
# processor, so that only its files are taken. No package manager stays but Debian's own.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libglvnd0 libvulkan1 libx11-6 libxext6 \
    && cd /tmp && apt-get download libegl1 && dpkg-deb --extract libegl1_*.deb / \
    && rm -rf libegl1_*.deb /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && rm -rf /usr/local/lib/node_modules /opt/yarn-* /root/.npm \
    && rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
# For hosts that hand over their driver but not its description, and for drivers whose GLX half wants a display.
COPY .aws/images/nvidia_egl.json /usr/share/vulkan/icd.d/
WORKDIR /app
COPY --from=packages /app/node_modules node_modules/
COPY --from=build /app/networks networks/
COPY --from=build /app/LICENSE /app/service/package.json ./
COPY --from=build /app/service/dist dist/
ARG WEIGHTS=""
# Vulkan is `graphics`; without it a container gets CUDA alone.
ENV NODE_ENV=production \
    NVIDIA_DRIVER_CAPABILITIES=graphics,compute,utility \
    STYLIZE_WEIGHTS=${WEIGHTS:+/app/networks/${WEIGHTS}.safetensors}
USER 1000:1000
# A worker does one job and ends: its exit status tells.
HEALTHCHECK NONE
ENTRYPOINT ["node", "--enable-source-maps", "/app/dist/worker/main.js"]

ARG NODE_IMAGE
ARG REVISION=unknown
LABEL org.opencontainers.image.title="stylize worker" \
      org.opencontainers.image.description="Paints one picture on a GPU with Vulkan." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}"
