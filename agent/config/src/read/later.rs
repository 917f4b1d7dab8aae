//! Keys that other versions of RivetOS know and this one does not.

/// Paths of such keys; `*` stands for one name.
const LATER: [&str; 40] = [
    "agents.*.default_thinking",
    "agents.*.fallbacks",
    "agents.*.local",
    "agents.*.tools",
    "channels.agent.agentId",
    "channels.agent.peers",
    "channels.discord",
    "channels.telegram",
    "channels.voice",
    "channels.voice-discord",
    "deployment.datahub.shared_mount_path",
    "deployment.datahub.shared_storage",
    "deployment.image.build_from_source",
    "deployment.kubernetes",
    "deployment.manual",
    "deployment.proxmox",
    "den",
    "mcp",
    "memory.postgres",
    "mesh",
    "plugins",
    "providers.*.context_window",
    "providers.*.extra_body",
    "providers.*.keep_alive",
    "providers.*.max_output_tokens",
    "providers.*.name",
    "providers.*.num_ctx",
    "providers.*.repeat_penalty",
    "providers.*.top_p",
    "providers.*.verify_model_on_init",
    "runtime.auto_actions",
    "runtime.coding_pipeline",
    "runtime.context",
    "runtime.fallbacks",
    "runtime.heartbeats",
    "runtime.plugin_dirs",
    "runtime.safety",
    "runtime.skill_dirs",
    "tasks",
    "transports",
];

/// Whether `path` is one of them.
pub(super) fn is_later(path: &str) -> bool {
    LATER.iter().any(|later| {
        let (mut later, mut path) = (later.split('.'), path.split('.'));
        loop {
            match (later.next(), path.next()) {
                (None, None) => return true,
                (Some("*"), Some(_)) => {}
                (Some(later), Some(name)) if later == name => {}
                (Some(_) | None, Some(_) | None) => return false,
            }
        }
    })
}
