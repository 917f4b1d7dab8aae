//! `rivetos model`

use std::path::{Path, PathBuf};
use std::{fs, io, process};

use rivetos_config::{Config, EditError, with_model};
use serde::Serialize;
use thiserror::Error;

use super::config::{put_in_place, write_beside};
use crate::exit::Exit;
use crate::fleet::{FileError, FleetFile, Secrets, locate};
use crate::output::{Edge, Failure, Format, Printer};
use crate::settings::Globals;

/// Why the file stays as it is.
#[derive(Debug, Error)]
enum ModelError {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` has no provider `{name}`", path.display())]
    NoProvider {
        path: PathBuf,
        name: String,
        there: Vec<String>,
    },
    #[error("`{}` stays as it is", path.display())]
    NotEdited { path: PathBuf, source: EditError },
    #[error("`{}` would not be valid any more", path.display())]
    Invalid { path: PathBuf, source: FileError },
    #[error("`{}` cannot be replaced", path.display())]
    NotReplaced { path: PathBuf, source: io::Error },
}

impl Edge for ModelError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. }
            | Self::NoProvider { .. }
            | Self::NotEdited { .. }
            | Self::Invalid { .. } => Exit::Usage,
            Self::NotReplaced { .. } => Exit::Failed,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Invalid { source, .. } => source.details(),
            Self::Unreadable { .. }
            | Self::NoProvider { .. }
            | Self::NotEdited { .. }
            | Self::NotReplaced { .. } => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoProvider { there, .. } => vec![format!("there are: {}", there.join(", "))],
            Self::NotEdited { .. } => vec!["change it with `rivetos config edit`".into()],
            Self::Unreadable { .. } | Self::Invalid { .. } | Self::NotReplaced { .. } => Vec::new(),
        }
    }
}

#[derive(Serialize)]
struct OneReport<'a> {
    schema_version: u32,
    provider: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
struct ModelsReport<'a> {
    schema_version: u32,
    models: Vec<ModelReport<'a>>,
}

#[derive(Serialize)]
struct ModelReport<'a> {
    agent: &'a str,
    provider: &'a str,
    model: &'a str,
    fallbacks: Vec<String>,
}

/// Shows which models the agents ask, or the model of one provider; or writes another one into the
/// file.
pub(crate) fn run(
    globals: &Globals,
    wanted: (Option<&str>, Option<&str>),
    printer: Printer,
) -> Result<Exit, Failure> {
    let named = locate(globals.config.as_deref(), &globals.home)?.path;
    let read = FleetFile::read(&named, Secrets::NotNeeded)?;
    let (provider, model) = match wanted {
        (None, _) => {
            read.warn(printer);
            list(&read.config, printer);
            return Ok(Exit::Ok);
        }
        (Some(provider), model) => (provider, model),
    };
    let Some(entry) = read.config.providers.get(provider) else {
        return Err(ModelError::NoProvider {
            path: named,
            name: provider.to_owned(),
            there: read.config.providers.keys().cloned().collect(),
        }
        .into());
    };
    let Some(model) = model else {
        one(provider, &entry.model, printer);
        return Ok(Exit::Ok);
    };
    if entry.model == model {
        printer.talk(format_args!("`{provider}` asks for {model} already"));
        return Ok(Exit::Ok);
    }
    write(&named, provider, model)?;
    printer.talk(format_args!(
        "`{provider}` asks for {model}, no longer for {}; `rivetos infra up` tells its agents",
        entry.model
    ));
    for (name, agent) in &read.config.agents {
        if agent.provider == provider
            && let Some(own) = &agent.model
        {
            printer.talk(format_args!("agent `{name}` still asks for its own, {own}"));
        }
    }
    Ok(Exit::Ok)
}

fn one(provider: &str, model: &str, printer: Printer) {
    match printer.format() {
        Format::Json => printer.json(&OneReport {
            schema_version: 1,
            provider,
            model,
        }),
        Format::Text => printer.data(model),
    }
}

fn write(named: &Path, provider: &str, model: &str) -> Result<(), ModelError> {
    let unreadable = |source| ModelError::Unreadable {
        path: named.to_owned(),
        source,
    };
    let not_replaced = |source| ModelError::NotReplaced {
        path: named.to_owned(),
        source,
    };
    // A link stays one.
    let path = fs::canonicalize(named).map_err(unreadable)?;
    let before = fs::read_to_string(&path).map_err(unreadable)?;
    let file = named.display().to_string();
    let after = with_model(&before, &file, provider, model);
    let after = after.map_err(|source| ModelError::NotEdited {
        path: named.to_owned(),
        source,
    })?;
    FleetFile::parse(&after, named, Secrets::NotNeeded).map_err(|source| ModelError::Invalid {
        path: named.to_owned(),
        source,
    })?;
    let suffix = format!(".model-{}.yaml", process::id());
    let new = write_beside(&path, &suffix, &after).map_err(not_replaced)?;
    put_in_place(&new, &path).map_err(not_replaced)
}

fn list(config: &Config, printer: Printer) {
    let models = config.agents.iter().filter_map(|(name, agent)| {
        let provider = config.providers.get(&agent.provider)?;
        Some(ModelReport {
            agent: name.as_str(),
            provider: &agent.provider,
            model: agent.model.as_ref().unwrap_or(&provider.model),
            fallbacks: agent.fallbacks.iter().map(ToString::to_string).collect(),
        })
    });
    let report = ModelsReport {
        schema_version: 1,
        models: models.collect(),
    };
    match printer.format() {
        Format::Json => printer.json(&report),
        Format::Text => {
            for one in &report.models {
                let ModelReport {
                    agent,
                    provider,
                    model,
                    fallbacks,
                } = one;
                let behind = if fallbacks.is_empty() {
                    String::new()
                } else {
                    format!(", else {}", fallbacks.join(", "))
                };
                printer.data(format_args!("{agent}: {provider}/{model}{behind}"));
            }
        }
    }
}
