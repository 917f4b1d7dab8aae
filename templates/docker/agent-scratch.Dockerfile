# The agent's static binary and nothing else that runs. There is no shell, so no shell tool.
FROM scratch
COPY root/ /
COPY --chown=1000:1000 data/ /var/lib/rivetos/
USER 1000:1000
WORKDIR /var/lib/rivetos
HEALTHCHECK --interval=10s --timeout=3s CMD ["/usr/local/bin/rivetos-agent", "health"]
ENTRYPOINT ["/usr/local/bin/rivetos-agent"]
