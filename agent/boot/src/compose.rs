//! Which part is made of what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rivetos_config::{Agent, Policy, Provider, ProviderKind, Telemetry, Tool, Tools};
use rivetos_core::tools::Toolset;
use rivetos_core::turn;
use rivetos_http::Http;
use rivetos_model_openai_compat::OpenAiCompat;
use rivetos_runtime::Collector;
use rivetos_tool_file::{FileEdit, FileRead, FileSend, FileWrite};
use rivetos_tool_shell::Shell;
use rivetos_types::model::ModelProvider;
use rivetos_types::secret::SecretResolver;
use rivetos_types::settings::{self, CompatApi};
use serde_json::Map;

use crate::error::BootError;
use crate::otlp::OtlpHttp;
use crate::secrets::Secrets;

/// The longest run of one shell command.
const SHELL_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest wait for a model's first byte: it reads all of the conversation before.
const MODEL_FIRST_BYTE_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest wait for its next byte.
const MODEL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);

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

/// What answers; `model` is the agent's own choice.
pub(crate) async fn model(
    name: &str,
    provider: &Provider,
    model: &str,
    secrets: Arc<Secrets>,
    http: Http,
) -> Result<Arc<dyn ModelProvider>, BootError> {
    Ok(match provider.kind {
        ProviderKind::Rehearsal => {
            let rehearsal = rivetos_model_rehearsal::serve()
                .await
                .map_err(BootError::Rehearsal)?;
            let settings = rehearsal.settings();
            Arc::new(OpenAiCompat::new(settings, Arc::new(rehearsal), http))
        }
        ProviderKind::OpenaiCompat => {
            let settings = settings::OpenAiCompat {
                name: name.to_owned(),
                base_url: provider
                    .base_url
                    .clone()
                    .ok_or_else(|| BootError::NoBaseUrl(name.to_owned()))?,
                api: CompatApi::Chat,
                model: model.to_owned(),
                api_key: provider.api_key.clone(),
                max_tokens: provider.max_tokens,
                temperature: provider.temperature,
                top_p: provider.top_p,
                repeat_penalty: provider.repeat_penalty,
                extra_body: Map::new(),
                first_byte_timeout: MODEL_FIRST_BYTE_TIMEOUT,
                idle_timeout: MODEL_IDLE_TIMEOUT,
            };
            Arc::new(OpenAiCompat::new(settings, secrets, http))
        }
    })
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
