//! Keys that other versions of RivetOS know and this one does not: those that come, and those that
//! do not come back.

use crate::node::Value;
use crate::spelling::snake;

use super::field::Field;
use super::reader::Reader;

/// Paths of such keys; `*` stands for one name.
const LATER: [&str; 27] = [
    "agents.*.local",
    "channels.agent.agent_id",
    "channels.agent.peers",
    "channels.discord",
    "channels.telegram",
    "channels.voice",
    "channels.voice-discord",
    "deployment.datahub.shared_mount_path",
    "deployment.datahub.shared_storage",
    "deployment.kubernetes",
    "deployment.manual",
    "deployment.proxmox",
    "den",
    "mcp",
    "memory.postgres",
    "mesh",
    "plugins",
    "providers.*.name",
    "runtime.auto_actions",
    "runtime.coding_pipeline",
    "runtime.context",
    "runtime.heartbeats",
    "runtime.safety",
    "runtime.skill_dirs",
    "tasks",
    "transports",
    "workflows",
];

/// Paths of keys that do not come back, with what to do instead.
const REMOVED: [(&str, &str); 5] = [
    (
        "deployment.image.build_from_source",
        "remove it: `rivetos build` makes the image, and one that `registry` or `agent_image` names \
         is pulled",
    ),
    (
        "mesh.secret",
        "remove it: what agents tell each other apart by is made for them",
    ),
    ("providers.*.max_output_tokens", "write `max_tokens`"),
    (
        "runtime.fallbacks",
        "remove it: what an agent falls back to is a matter of the agent, `agents.<name>.fallbacks`",
    ),
    (
        "runtime.plugin_dirs",
        "remove it: every plug-in is part of the program",
    ),
];

/// What becomes of the key at `path`, which other versions know and this one does not.
pub(crate) fn fate_elsewhere(path: &str) -> Option<String> {
    let removed = REMOVED.iter().find(|(pattern, _)| matches(pattern, path));
    match removed {
        Some((_, advice)) => Some(format!("no more: {advice}")),
        None => LATER
            .iter()
            .any(|pattern| matches(pattern, path))
            .then(|| "not in this version".to_owned()),
    }
}

/// Reports `field`, which nobody takes, when other versions know it.
pub(super) fn refuse(reader: &mut Reader<'_>, field: &Field<'_>) -> bool {
    let later = LATER.iter().any(|pattern| matches(pattern, &field.path));
    if later {
        let hint = Some("remove it, or comment it out until it is".to_owned());
        reader.problem(
            field.at,
            &field.path,
            "not in this version".to_owned(),
            hint,
        );
    }
    refuse_removed(reader, field) || later
}

/// Reports `field`, and what is below it, when it does not come back.
fn refuse_removed(reader: &mut Reader<'_>, field: &Field<'_>) -> bool {
    let removed = REMOVED
        .iter()
        .find(|(pattern, _)| matches(pattern, &field.path));
    if let Some((_, advice)) = removed {
        let message = "this key is no more".to_owned();
        reader.problem(field.at, &field.path, message, Some((*advice).to_owned()));
    }
    if let Value::Map(entries) = &field.node.value {
        for (key, node) in entries {
            refuse_removed(reader, &field.child(key, node));
        }
    }
    removed.is_some()
}

/// Whether `path` is what `pattern` stands for, in any spelling.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('.'), path.split('.'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(pattern), Some(name)) if pattern == name || pattern == snake(name) => {}
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}
