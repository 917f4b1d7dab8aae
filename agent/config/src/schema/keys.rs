//! The table of keys.

mod deployment;
mod provider;

use super::shape::Shape;

use deployment::{DEPLOY, DEPLOYMENT};
use provider::PROVIDER;

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

const POLICIES: Shape = Shape::Word(&["allow", "ask", "deny"]);
const DOLLARS: Shape = Shape::Number(0.0, 1e6);
const TOOLS: &[&str] = &["file_edit", "file_read", "file_send", "file_write", "shell"];

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
            "telemetry",
            Shape::Section(&TELEMETRY),
            "What agents tell of how they work, and to whom",
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
            "fallbacks",
            Shape::Texts,
            "`provider` or `provider:model`: who answers, in this order, when its own model cannot",
        ),
        key(
            "tools",
            Shape::Section(&Section {
                keys: &[
                    key("include", Shape::Words(TOOLS), "Only these tools"),
                    key("exclude", Shape::Words(TOOLS), "All tools but these"),
                    key(
                        "policy",
                        Shape::Section(&POLICY),
                        "Whether a tool runs, is asked about, or does not run",
                    ),
                ],
            }),
            "Which tools it has; default all",
        ),
        key(
            "default_thinking",
            Shape::Word(&["off", "low", "medium", "high"]),
            "How much its model thinks, unless a session says otherwise",
        ),
        key(
            "budget",
            Shape::Section(&BUDGET),
            "What its model requests may cost, in US dollars",
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

const POLICY: Section = Section {
    keys: &[
        key("file_edit", POLICIES, "Edit files"),
        key("file_read", POLICIES, "Read files"),
        key("file_send", POLICIES, "Send files with a reply"),
        key("file_write", POLICIES, "Write files"),
        key("shell", POLICIES, "Run commands"),
    ],
};

const BUDGET: Section = Section {
    keys: &[
        key("day", DOLLARS, "From midnight to midnight, UTC"),
        key("month", DOLLARS, "Of a calendar month, UTC"),
        key("turn", DOLLARS, "Of one turn"),
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

const TELEMETRY: Section = Section {
    keys: &[key(
        "otlp",
        Shape::Section(&Section {
            keys: &[
                needed(
                    "endpoint",
                    Shape::Pattern("^https?://[^/\\s]"),
                    "Up to and without `/v1/traces`",
                ),
                key(
                    "headers",
                    Shape::Secret,
                    "`NAME=VALUE` with commas in between; many collectors want none",
                ),
            ],
        }),
        "The collector that gets traces of turns, by OTLP over HTTP in JSON",
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
