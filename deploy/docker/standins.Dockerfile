# Stand-ins for images of other makers where no registry can be reached (compose.ci.yaml): the same programs from Debian's packages, with as much of
# the originals' conduct as compose.yaml relies on. Never for production.
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS nginx
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light curl && rm -rf /var/lib/apt/lists/*
CMD ["nginx", "-g", "daemon off;"]

FROM ${BASE_IMAGE} AS postgres
# 999 as in the original: the account exists before the package would make one with another number.
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql --shell /bin/bash postgres \
 && apt-get update -qq && mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
 && apt-get install -y -qq --no-install-recommends postgresql-15 && rm -rf /var/lib/apt/lists/* \
 && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
COPY deploy/docker/standin-postgres /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]

# Account, paths and names of the originals. Debian's packages would start their servers while they are installed.
FROM ${BASE_IMAGE} AS instruments
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d \
 && apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager wget && rm -rf /var/lib/apt/lists/* \
 && ln -s prometheus-alertmanager /usr/bin/alertmanager \
 && install -d -o 65534 -g 65534 /prometheus /alertmanager
USER 65534:65534

FROM instruments AS prometheus
ENTRYPOINT ["prometheus"]

FROM instruments AS alertmanager
ENTRYPOINT ["alertmanager"]
