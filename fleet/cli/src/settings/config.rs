//! `rivetos config …`, resolved.

use std::path::PathBuf;

use crate::args::config::ConfigCommand;

/// What to do with the fleet's file.
#[derive(Debug)]
pub(crate) enum ConfigAction {
    /// `config validate`
    Validate {
        /// The file, when it was named here.
        file: Option<PathBuf>,
    },
    /// `config show`
    Show(Defaults),
    /// `config path`
    Path,
    /// `config schema`
    Schema,
    /// `config edit`
    Edit,
    /// `config migrate`
    Migrate,
}

/// What becomes of what the file leaves to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defaults {
    /// It is left out.
    LeftOut,
    /// It is filled in.
    FilledIn,
}

impl From<ConfigCommand> for ConfigAction {
    fn from(command: ConfigCommand) -> Self {
        match command {
            ConfigCommand::Validate { file } => Self::Validate { file },
            ConfigCommand::Show { resolved: false } => Self::Show(Defaults::LeftOut),
            ConfigCommand::Show { resolved: true } => Self::Show(Defaults::FilledIn),
            ConfigCommand::Path => Self::Path,
            ConfigCommand::Schema => Self::Schema,
            ConfigCommand::Edit => Self::Edit,
            ConfigCommand::Migrate => Self::Migrate,
        }
    }
}
