# An agent with what its tools commonly need: git, curl and CA certificates.
FROM debian:trixie-slim
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
        ca-certificates curl git \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 rivetos \
    && useradd --uid 1000 --gid 1000 --home-dir /var/lib/rivetos --no-create-home rivetos \
    && install --directory --owner=1000 --group=1000 --mode=0750 /var/lib/rivetos
COPY rivetos-agent /usr/local/bin/rivetos-agent
USER 1000:1000
WORKDIR /var/lib/rivetos
HEALTHCHECK --interval=10s --timeout=3s CMD ["/usr/local/bin/rivetos-agent", "health"]
ENTRYPOINT ["/usr/local/bin/rivetos-agent"]
