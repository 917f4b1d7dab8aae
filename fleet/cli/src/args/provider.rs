//! `rivetos provider …` as clap reads it.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// List the providers of the fleet's file, and which agents use them
    List,
    /// Ask whether providers answer and have their model; costs nothing
    Status {
        /// Only this one
        #[arg(value_name = "PROVIDER")]
        provider: Option<String>,
    },
    /// Ask a model for one word; costs a little
    Test {
        /// Its name in the fleet's file
        #[arg(value_name = "PROVIDER")]
        provider: String,
        /// Instead of the provider's model
        #[arg(value_name = "MODEL")]
        model: Option<String>,
    },
    /// List the models that a provider has
    Models {
        /// Its name in the fleet's file
        #[arg(value_name = "PROVIDER")]
        provider: String,
    },
    /// Let a server of Ollama fetch a model
    Pull {
        /// Its name in the fleet's file
        #[arg(value_name = "PROVIDER")]
        provider: String,
        /// For example qwen3:4b
        #[arg(value_name = "MODEL")]
        model: String,
    },
}
