//! Which part is made of what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rivetos_config::{Agent, Policy, Telemetry, Tool, Tools};
use rivetos_core::tools::Toolset;
use rivetos_core::turn;
use rivetos_http::Http;
use rivetos_runtime::Collector;
use rivetos_tool_file::{FileEdit, FileRead, FileSend, FileWrite};
use rivetos_tool_shell::Shell;
use rivetos_types::secret::SecretResolver;
use rivetos_types::settings;

use crate::error::BootError;
use crate::otlp::OtlpHttp;
use crate::secrets::Secrets;

/// The longest run of one shell command.
const SHELL_TIMEOUT: Duration = Duration::from_mins(2);

/// The tools that there are, as far as the agent is to have them.
pub(crate) fn tools(wanted: &Tools) -> Toolset {
    let mut tools = Toolset::new();
    if wanted.has(Tool::FileRead) {
        tools = tools.with(FileRead);
    }
    if wanted.has(Tool::FileWrite) {
        tools = tools.with(FileWrite);
    }
    if wanted.has(Tool::FileSend) {
        tools = tools.with(FileSend);
    }
    if wanted.has(Tool::FileEdit) {
        tools = tools.with(FileEdit);
    }
    if !wanted.has(Tool::Shell) {
        return tools;
    }
    if !rivetos_tool_shell::available() {
        tracing::info!("there is no shell here, so there is no shell tool");
        return tools;
    }
    tools.with(Shell::new(&settings::Shell {
        timeout: SHELL_TIMEOUT,
    }))
}

/// What may be done with the tools, by their names.
pub(crate) fn policies(agent: &Agent) -> BTreeMap<String, turn::Policy> {
    let named = Tool::ALL.iter().filter_map(|(name, tool)| {
        let policy = match agent.policy.get(tool)? {
            Policy::Allow => turn::Policy::Allow,
            Policy::Ask => turn::Policy::Ask,
            Policy::Deny => turn::Policy::Deny,
        };
        Some(((*name).to_owned(), policy))
    });
    named.collect()
}

/// What takes traces.
pub(crate) fn collector(
    telemetry: &Telemetry,
    secrets: &Arc<Secrets>,
    http: Http,
) -> Result<Option<Arc<dyn Collector>>, BootError> {
    let Some(otlp) = &telemetry.otlp else {
        return Ok(None);
    };
    let headers = otlp.headers.as_ref();
    let headers = headers.map(|headers| secrets.resolve(headers)).transpose();
    let headers = headers.map_err(BootError::OtlpHeaders)?;
    let collector =
        OtlpHttp::new(&otlp.endpoint, headers.as_ref(), http).map_err(BootError::Otlp)?;
    Ok(Some(Arc::new(collector)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_agent_has_the_tools_that_it_is_to_have() {
        let names = |wanted: &Tools| -> BTreeSet<String> {
            let tools = tools(wanted);
            tools.specs().iter().map(|tool| tool.name.clone()).collect()
        };
        let one = BTreeSet::from([Tool::FileRead]);
        let only = BTreeSet::from(["file_read".to_owned()]);
        assert_eq!(names(&Tools::Only(one)), only);
        let all = names(&Tools::All);
        for (word, tool) in Tool::ALL {
            let mut rest = all.clone();
            assert!(rest.remove(word), "{word}");
            let without = Tools::Without(BTreeSet::from([tool]));
            assert_eq!(names(&without), rest, "{word}");
        }
    }
}
