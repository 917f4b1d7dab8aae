//! Keys that say where and how a fleet runs.

use super::super::shape::Shape;
use super::{Section, key, needed};

const TARGETS: Shape = Shape::Word(&["docker", "local"]);
const ADDRESS: Shape = Shape::Pattern("^(unix://|tcp://|ssh://).");
const IMAGE: Shape = Shape::Pattern("^[A-Za-z0-9][A-Za-z0-9._/:@-]*$");

pub(super) const DEPLOY: Section = Section {
    keys: &[
        key("target", TARGETS, "Instead of `deployment.target`"),
        key(
            "host",
            Shape::Label,
            "One of `deployment.docker.hosts`; default the engine of `deployment.docker`",
        ),
        key(
            "resources",
            Shape::Section(&RESOURCES),
            "The most that its container may use",
        ),
        key(
            "image",
            IMAGE,
            "An image with its tag, instead of the fleet's",
        ),
        key(
            "protect",
            Shape::Flag,
            "Its data is never deleted unless that is asked for by its address; default false",
        ),
    ],
};

const RESOURCES: Section = Section {
    keys: &[
        key(
            "memory",
            Shape::Memory,
            "Bytes, or like `512m` and `2g`; default 1g",
        ),
        key("cpus", Shape::Number(0.01, 4096.0), "Processors; default 2"),
        key(
            "pids",
            Shape::Integer(32, 4_194_304),
            "Processes and threads; default 512",
        ),
    ],
};

const DATAHUB_RESOURCES: Section = Section {
    keys: &[
        key(
            "memory",
            Shape::Memory,
            "Bytes, or like `512m` and `2g`; default as much as there is",
        ),
        key(
            "cpus",
            Shape::Number(0.01, 4096.0),
            "Processors; default as many as there are",
        ),
        key(
            "pids",
            Shape::Integer(32, 4_194_304),
            "Processes and threads; default 1024",
        ),
    ],
};

pub(super) const DEPLOYMENT: Section = Section {
    keys: &[
        needed(
            "target",
            TARGETS,
            "Where agents run that do not say it themselves",
        ),
        key(
            "datahub",
            Shape::Section(&Section {
                keys: &[
                    key(
                        "postgres",
                        Shape::Flag,
                        "Whether there is one; default true when the section is there",
                    ),
                    key(
                        "postgres_version",
                        Shape::Version(13, 99),
                        "Major version; default 17",
                    ),
                    key(
                        "protect",
                        Shape::Flag,
                        "Its data is never deleted unless that is asked for by its address",
                    ),
                    key(
                        "resources",
                        Shape::Section(&DATAHUB_RESOURCES),
                        "The most that its container may use",
                    ),
                    key(
                        "address",
                        Shape::Pattern("^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$"),
                        "`HOST:PORT` that agents on other targets connect to; needs `tls`",
                    ),
                    key(
                        "bind",
                        Shape::Text,
                        "The IP address of the engine's host to publish on; default the one in `address`",
                    ),
                    key(
                        "tls",
                        Shape::Section(&DATAHUB_TLS),
                        "The datahub's certificate; needed with `address`",
                    ),
                ],
            }),
            "Postgres with pgvector; only with an agent on Docker",
        ),
        key(
            "image",
            Shape::Section(&IMAGES),
            "Images; only with an agent on Docker",
        ),
        key(
            "docker",
            Shape::Section(&DOCKER),
            "Engines; only with an agent on Docker",
        ),
        key(
            "local",
            Shape::Section(&Section {
                keys: &[key(
                    "port_range",
                    Shape::Pattern("^\\s*[0-9]+\\s*-\\s*[0-9]+\\s*$"),
                    "Where the agents' ports come from; default 43100-43199",
                )],
            }),
            "Processes of this host; only with an agent on `local`",
        ),
    ],
};

const IMAGES: Section = Section {
    keys: &[
        key(
            "registry",
            IMAGE,
            "Stands before `agent_image`; default none",
        ),
        key(
            "agent_image",
            IMAGE,
            "Without its tag; default `rivetos-agent`, which `rivetos build` makes",
        ),
        key(
            "tag",
            Shape::Pattern("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"),
            "Default version and commit of `rivetos`",
        ),
        key(
            "variant",
            Shape::Word(&["slim", "scratch"]),
            "`slim`: Debian with git and curl; `scratch`: the agent alone, without a shell tool",
        ),
        key(
            "datahub_image",
            IMAGE,
            "Default `pgvector/pgvector:pg<postgres_version>`",
        ),
    ],
};

const DOCKER: Section = Section {
    keys: &[
        key(
            "project_name",
            Shape::Label,
            "The fleet's name, for files that have no `fleet`",
        ),
        key(
            "host",
            ADDRESS,
            "The engine's address; default `$DOCKER_HOST`, else the local socket",
        ),
        key(
            "tls",
            Shape::Section(&TLS),
            "Only with a `host` of `tcp://…`",
        ),
        key(
            "hosts",
            Shape::Named(
                &Section {
                    keys: &[
                        needed("host", ADDRESS, "The engine's address"),
                        key(
                            "tls",
                            Shape::Section(&TLS),
                            "Only with a `host` of `tcp://…`",
                        ),
                    ],
                },
                0,
            ),
            "Engines of other hosts by name, for `agents.<name>.deploy.host`",
        ),
        key(
            "network",
            Shape::Pattern("^[A-Za-z0-9][A-Za-z0-9_.-]*$"),
            "The name of the fleet's network; default the fleet's name",
        ),
        key(
            "postgres_port",
            Shape::Integer(0, 65_535),
            "Publishes the datahub on 127.0.0.1 at this port; default 0: not at all",
        ),
        key(
            "resources",
            Shape::Section(&RESOURCES),
            "The most that each agent's container may use",
        ),
    ],
};

const TLS: Section = Section {
    keys: &[
        needed(
            "ca",
            Shape::Text,
            "Certificates that the engine's must come from, in PEM",
        ),
        needed("cert", Shape::Text, "The operator's certificate, in PEM"),
        needed("key", Shape::Text, "Its private key, in PEM"),
    ],
};

const DATAHUB_TLS: Section = Section {
    keys: &[
        needed(
            "ca",
            Shape::Text,
            "Certificates that agents check the datahub's against, in PEM",
        ),
        needed(
            "cert",
            Shape::Text,
            "The datahub's certificate, for the host in `address`, in PEM",
        ),
        needed("key", Shape::Text, "Its private key, in PEM"),
    ],
};
