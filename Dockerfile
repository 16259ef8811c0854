# The exporter alone on an empty file system:
#
#   docker build --tag mailprobe_exporter .
#   docker run --rm --network none mailprobe_exporter check --demo two-spf.example
#
# Docker before 23 needs DOCKER_BUILDKIT=1 for the first. docs/containers.md says how to run it with a configuration. What
# is built depends on this tree, on the two arguments and on the version of Go: the same three give the same bytes.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unreleased
ARG REVISION
# The builder's, where it knows of platforms; else those of the machine.
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
      -ldflags "-s -w -buildid= -X github.com/prometheus/common/version.Version=$VERSION -X github.com/prometheus/common/version.Revision=$REVISION" \
      -o /out/mailprobe_exporter ./cmd/mailprobe_exporter \
 && mkdir -p /out/state /out/var/lib

# No shell, no package, no user database; /etc/resolv.conf and /etc/hosts are the engine's. All times are told in UTC,
# so no time zones are needed.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE NOTICE /usr/share/doc/mailprobe_exporter/
COPY --from=build /out/mailprobe_exporter /bin/mailprobe_exporter
# A volume that is empty takes over whose the directory is. Those above it are made before, as root's: --chown would give
# them away as well.
COPY --from=build /out/var /var
COPY --from=build --chown=65532:65532 /out/state /var/lib/mailprobe_exporter
VOLUME /var/lib/mailprobe_exporter
# exporter.yml belongs here, with what it names beside it.
WORKDIR /etc/mailprobe_exporter
# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 10587
# No HEALTHCHECK: it would need a program that asks. Prometheus does (up), and Kubernetes (/-/healthy).
ENTRYPOINT ["/bin/mailprobe_exporter"]
CMD ["--config.file=/etc/mailprobe_exporter/exporter.yml", "--storage.path=/var/lib/mailprobe_exporter"]
