# remediator in an image without a shell, a package manager or anything else that it does not need. What is in it is made by
# image/assemble; `make image` builds the same where there is no container engine, from this file's last part.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" -t remediator .
#   docker run --read-only -v journal:/var/lib/remediator -v ./etc:/etc/remediator:ro -p 8080:8080 remediator

FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3-venv
WORKDIR /src
COPY . .
RUN image/assemble /root-of-image

FROM scratch
COPY --from=build /root-of-image/rootfs /
COPY --from=build --chown=65532:0 /root-of-image/owned /var/lib
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="remediator" \
      org.opencontainers.image.description="Guarded, audited auto-remediation for Kubernetes, driven by Prometheus and Alertmanager" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
ENV PATH=/usr/local/bin:/usr/bin
# As a number, so that runAsNonRoot can be checked; any other user of group 0 will do as well.
USER 65532:65532
WORKDIR /var/lib/remediator
VOLUME /var/lib/remediator
EXPOSE 8080
ENTRYPOINT ["remediator"]
CMD ["run", "--config", "/etc/remediator/remediator.yaml"]
