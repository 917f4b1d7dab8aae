//! Every key of the original and of its later versions: it is read and changes what is read, or it
//! is refused with advice.

#![cfg(test)]

use std::collections::BTreeMap;

use rivetos_config::parse;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is read, in both spellings, and means something.
    Read,
    /// It may be written and says what is the case anyway.
    Default,
    /// Not in this version.
    Later,
    /// It does not come back, and there is advice.
    Removed,
}

use Fate::{Default, Later, Read, Removed};

/// The keys by section: path, a value, its fate. `ada` is an agent and `p` a provider.
const KEYS: &[(&str, &str, Fate)] = &[
    // runtime
    ("runtime.workspace", "w", Read),
    ("runtime.default_agent", "ada", Default),
    ("runtime.max_tool_iterations", "3", Read),
    ("runtime.turn_timeout", "3", Read),
    ("runtime.skill_dirs", "[a]", Later),
    ("runtime.plugin_dirs", "[a]", Removed),
    (
        "runtime.heartbeats",
        "[{agent: ada, schedule: x, prompt: y}]",
        Later,
    ),
    ("runtime.coding_pipeline.builder_agent", "ada", Later),
    ("runtime.coding_pipeline.validator_agent", "ada", Later),
    ("runtime.coding_pipeline.max_build_loops", "3", Later),
    ("runtime.coding_pipeline.max_validation_loops", "3", Later),
    ("runtime.coding_pipeline.auto_commit", "true", Later),
    (
        "runtime.fallbacks",
        "[{providerId: p, fallbacks: [q]}]",
        Removed,
    ),
    ("runtime.safety.shell_danger", "true", Later),
    ("runtime.safety.audit", "true", Later),
    ("runtime.safety.workspace_fence", "{}", Later),
    ("runtime.auto_actions.format", "true", Later),
    ("runtime.auto_actions.lint", "true", Later),
    ("runtime.auto_actions.test", "true", Later),
    ("runtime.auto_actions.git_check", "true", Later),
    ("runtime.context.soft_nudge_pct", "[40, 70]", Later),
    ("runtime.context.hard_nudge_pct", "90", Later),
    // agents
    ("agents.ada.provider", "p", Default),
    ("agents.ada.model", "m", Read),
    ("agents.ada.default_thinking", "low", Read),
    ("agents.ada.fallbacks", "['p:other']", Read),
    ("agents.ada.local", "true", Later),
    ("agents.ada.tools.exclude", "[shell]", Read),
    ("agents.ada.tools.include", "[shell]", Read),
    // providers
    ("providers.p.kind", "llama-server", Default),
    ("providers.p.model", "other", Read),
    ("providers.p.base_url", "http://other", Read),
    ("providers.p.api_key", "{file: k}", Read),
    ("providers.p.max_tokens", "5", Read),
    ("providers.p.temperature", "0.5", Read),
    ("providers.p.top_p", "0.5", Read),
    ("providers.p.repeat_penalty", "1.5", Read),
    ("providers.p.name", "n", Later),
    ("providers.p.num_ctx", "5000", Read),
    ("providers.p.keep_alive", "5m", Read),
    ("providers.p.context_window", "8192", Read),
    ("providers.p.max_output_tokens", "5", Removed),
    ("providers.p.verify_model_on_init", "true", Read),
    ("providers.p.extra_body", "{a: [1]}", Read),
    // channels
    ("channels.telegram.bot_token", "x", Later),
    ("channels.discord.channel_bindings", "{}", Later),
    ("channels.voice.guild_id", "x", Later),
    ("channels.voice-discord.guild_id", "x", Later),
    ("channels.agent.port", "5", Read),
    ("channels.agent.host", "0.0.0.0", Read),
    ("channels.agent.secret", "{file: k}", Read),
    ("channels.agent.agent_id", "x", Later),
    ("channels.agent.peers", "{}", Later),
    // memory
    ("memory.postgres.connection_string", "x", Later),
    ("memory.postgres.embed_endpoint", "x", Later),
    ("memory.postgres.compactor_endpoint", "x", Later),
    ("memory.postgres.compactor_model", "x", Later),
    ("memory.postgres.compactor_api_key", "x", Later),
    // the rest of the top level
    ("mcp.servers", "{}", Later),
    ("mesh.enabled", "true", Later),
    ("mesh.secret", "x", Removed),
    ("mesh.tls", "true", Later),
    ("mesh.advertise_host", "x", Later),
    ("mesh.peers", "[]", Later),
    ("plugins", "[]", Later),
    ("transports", "{}", Later),
    ("den", "{}", Later),
    ("tasks", "{}", Later),
    ("workflows", "{}", Later),
    // deployment
    ("deployment.target", "docker", Default),
    ("deployment.datahub.postgres", "true", Read),
    ("deployment.datahub.postgres_version", "16", Read),
    ("deployment.datahub.shared_storage", "true", Later),
    ("deployment.datahub.shared_mount_path", "/shared", Later),
    ("deployment.image.registry", "r.example", Read),
    ("deployment.image.agent_image", "a", Read),
    ("deployment.image.datahub_image", "a", Read),
    ("deployment.image.tag", "a", Read),
    ("deployment.image.build_from_source", "true", Removed),
    ("deployment.docker.network", "n", Read),
    ("deployment.docker.postgres_port", "5432", Read),
    ("deployment.docker.project_name", "n", Read),
    ("deployment.proxmox.api_url", "https://x", Later),
    ("deployment.proxmox.nodes", "[]", Later),
    ("deployment.proxmox.network", "{}", Later),
    ("deployment.kubernetes.namespace", "n", Later),
    ("deployment.kubernetes.storage_class", "n", Later),
    ("deployment.kubernetes.resources", "{}", Later),
    ("deployment.manual", "{}", Later),
];

/// What every file here begins with, by path.
const BASE: [(&str, &str); 5] = [
    ("agents.ada.provider", "p"),
    ("deployment.target", "docker"),
    ("providers.p.base_url", "http://x"),
    ("providers.p.kind", "openai-compat"),
    ("providers.p.model", "m"),
];

/// Keys that only one kind of provider has.
const OF_OLLAMA: [&str; 2] = ["num_ctx", "keep_alive"];

fn snake(path: &str) -> String {
    path.replace("numCtx", "num_ctx")
        .replace("keepAlive", "keep_alive")
}

/// A map of maps and texts.
#[derive(std::default::Default)]
struct Tree<'a>(BTreeMap<&'a str, Tree<'a>>, &'a str);

impl<'a> Tree<'a> {
    fn set(&mut self, path: &'a str, value: &'a str) {
        let last = path
            .split('.')
            .fold(self, |tree, name| tree.0.entry(name).or_default());
        last.1 = value;
    }

    fn text(&self) -> String {
        if self.0.is_empty() {
            return self.1.to_owned();
        }
        let entries = self
            .0
            .iter()
            .map(|(name, tree)| format!("{name}: {}", tree.text()));
        format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
    }
}

/// The base with `path` set to `value`.
fn file(path: &str, value: &str) -> String {
    let mut tree = Tree::default();
    for (path, value) in BASE {
        tree.set(path, value);
    }
    if OF_OLLAMA.iter().any(|key| snake(path).ends_with(key)) {
        tree.set("providers.p.kind", "ollama");
    }
    tree.set(path, value);
    tree.text()
}

/// The last part of `path` in the original's other spelling.
fn in_camel_case(path: &str) -> String {
    let (front, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut parts = last.split('_');
    let first = parts.next().unwrap().to_owned();
    let last = parts.fold(first, |camel, part| {
        let (head, tail) = part.split_at(1);
        camel + &head.to_uppercase() + tail
    });
    format!("{front}.{last}").trim_start_matches('.').to_owned()
}

#[test]
fn every_key_of_the_original_has_its_fate() {
    let read = |text: &str| parse(text, "f", &BTreeMap::new());
    let base = read(&file("deployment.target", "docker")).unwrap().config;
    for (path, value, fate) in KEYS {
        for path in [(*path).to_owned(), in_camel_case(path)] {
            // Another spelling of a key that is there is a key too many.
            let taken = BASE.iter().any(|(taken, _)| in_camel_case(taken) == path);
            if taken && !BASE.iter().any(|(taken, _)| *taken == path) {
                continue;
            }
            let result = read(&file(&path, value));
            match fate {
                Read | Default => {
                    let parsed = result.unwrap_or_else(|problems| panic!("{path}: {problems}"));
                    assert_eq!(parsed.warnings, [], "{path}");
                    assert_eq!(parsed.config == base, *fate == Default, "{path}");
                }
                Later | Removed => {
                    let problems = result.unwrap_err();
                    let message = match fate {
                        Later => "not in this version",
                        Read | Default | Removed => "this key is no more",
                    };
                    let told = problems.0.iter().any(|problem| {
                        problem.message == message
                            && path.starts_with(&problem.path)
                            && problem.hint.is_some()
                    });
                    assert!(told, "{path}: {problems}");
                }
            }
        }
    }
}
