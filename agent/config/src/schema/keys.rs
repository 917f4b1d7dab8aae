//! The table of keys.

use super::shape::Shape;

/// A map with fixed keys.
pub(super) struct Section {
    pub(super) keys: &'static [Key],
}

/// One key of a section.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// For whoever edits the file.
    pub(super) about: &'static str,
    pub(super) shape: Shape,
    /// Whether the section cannot do without it.
    pub(super) needed: bool,
}

/// How a section lies below a key.
pub(super) enum Below {
    /// Directly.
    Section,
    /// Below names that the file chooses.
    Named,
}

const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        about,
        shape,
        needed: false,
    }
}

const fn needed(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        about,
        shape,
        needed: true,
    }
}

const TARGETS: Shape = Shape::Word(&["docker", "local"]);
const ADDRESS: Shape = Shape::Pattern("^(unix://|tcp://|ssh://).");
const IMAGE: Shape = Shape::Pattern("^[A-Za-z0-9][A-Za-z0-9._/:@-]*$");
const TOOLS: &[&str] = &["file_edit", "file_read", "file_write", "shell"];

pub(super) const ROOT: Section = Section {
    keys: &[
        key(
            "fleet",
            Shape::Label,
            "The fleet's name; default `deployment.docker.project_name`, else `rivetos`",
        ),
        key("runtime", Shape::Section(&RUNTIME), "How agents work"),
        needed(
            "agents",
            Shape::Named(&AGENT, 1),
            "The agents by name, a DNS label",
        ),
        needed(
            "providers",
            Shape::Named(&PROVIDER, 1),
            "The model providers by name, a DNS label",
        ),
        key(
            "channels",
            Shape::Section(&CHANNELS),
            "How agents are reached",
        ),
        key(
            "memory",
            Shape::Section(&MEMORY),
            "Where agents keep what they know",
        ),
        key(
            "deployment",
            Shape::Section(&DEPLOYMENT),
            "Where the fleet runs",
        ),
    ],
};

const RUNTIME: Section = Section {
    keys: &[
        key(
            "default_agent",
            Shape::Label,
            "One of `agents`; may be left out when there is only one",
        ),
        key(
            "workspace",
            Shape::Text,
            "For a fleet, the folder whose Markdown files every agent's workspace gets",
        ),
        key(
            "max_tool_iterations",
            Shape::Integer(1, 10_000),
            "The most model requests of one turn; default 75",
        ),
        key(
            "turn_timeout",
            Shape::Integer(1, 86_400),
            "The longest turn in seconds; default 900",
        ),
    ],
};

const AGENT: Section = Section {
    keys: &[
        needed("provider", Shape::Text, "One of `providers`"),
        key("model", Shape::Text, "Instead of the provider's model"),
        key(
            "tools",
            Shape::Section(&Section {
                keys: &[
                    key("include", Shape::Words(TOOLS), "Only these tools"),
                    key("exclude", Shape::Words(TOOLS), "All tools but these"),
                ],
            }),
            "Which tools it has; default all",
        ),
        key(
            "was",
            Shape::Label,
            "The name that a renamed agent had first; it keeps its data",
        ),
        key(
            "deploy",
            Shape::Section(&DEPLOY),
            "Where and how this agent runs",
        ),
    ],
};

const DEPLOY: Section = Section {
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

const PROVIDER: Section = Section {
    keys: &[
        key(
            "kind",
            Shape::Word(&["openai-compat", "llama-server", "rehearsal"]),
            "What it speaks; default the entry's name",
        ),
        key(
            "model",
            Shape::Text,
            "The model to ask for; needed except for `rehearsal`",
        ),
        key(
            "base_url",
            Shape::Pattern("^https?://[^/\\s]"),
            "Up to and without `/chat/completions`; needed for `openai-compat`",
        ),
        key(
            "api_key",
            Shape::Secret,
            "`${NAME}` or `{file: PATH}`; many local endpoints want none",
        ),
        key(
            "max_tokens",
            Shape::Integer(1, 4_294_967_295),
            "The most tokens of one answer",
        ),
        key(
            "temperature",
            Shape::Number(0.0, 2.0),
            "How much chance there is in an answer",
        ),
        key(
            "top_p",
            Shape::Number(0.0, 1.0),
            "Only the likeliest tokens that together have this probability",
        ),
        key(
            "repeat_penalty",
            Shape::Number(0.0, 2.0),
            "Makes repetition less likely; for llama.cpp and its relatives",
        ),
    ],
};

const CHANNELS: Section = Section {
    keys: &[key(
        "agent",
        Shape::Section(&Section {
            keys: &[
                key(
                    "host",
                    Shape::Text,
                    "The IP address to listen on; default 127.0.0.1",
                ),
                key(
                    "port",
                    Shape::Integer(1, 65_535),
                    "Default 3100; on the target `local` see `deployment.local.port_range`",
                ),
                key(
                    "secret",
                    Shape::Secret,
                    "The bearer token of `/api/*`; generated where the agent lives",
                ),
            ],
        }),
        "The agent's HTTP interface",
    )],
};

const MEMORY: Section = Section {
    keys: &[key(
        "sqlite",
        Shape::Section(&Section {
            keys: &[key(
                "path",
                Shape::Text,
                "Default `.rivetos/store.db` beside this file; agents of a fleet have it in their data",
            )],
        }),
        "The agent's own store",
    )],
};

const DEPLOYMENT: Section = Section {
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
