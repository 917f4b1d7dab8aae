//! Where the tokens of logins are.

use std::path::{Path, PathBuf};

use rivetos_config::{Agent, Config, Login, Provider};
use rivetos_model_anthropic::login;

/// Whether the agent renews tokens, or somebody only looks.
#[derive(Debug, Clone)]
pub(crate) enum Logins {
    /// The agent's own copies, in its data: renewing makes older tokens worthless, so nobody else
    /// has them.
    Own {
        /// The folder of the copies.
        folder: PathBuf,
        /// Where relative paths of the configuration begin.
        from: PathBuf,
    },
    /// The files that `rivetos login` has written.
    Written {
        /// Where relative paths of the configuration begin.
        from: PathBuf,
    },
}

impl Logins {
    /// The file whose tokens are used for the provider `name`.
    pub(super) fn working_copy(&self, name: &str, login: &Login) -> PathBuf {
        match self {
            Self::Own { folder, .. } => folder.join(format!("tokens-{name}.json")),
            Self::Written { from } => written(from, login),
        }
    }

    /// Takes over what somebody has logged in with since the agent was last started. A file that
    /// cannot be taken over is no reason not to start: whoever needs it is told at the request.
    pub(crate) fn adopt(&self, config: &Config, agent: &Agent) {
        let Self::Own { from, .. } = self else {
            return;
        };
        for name in agent.providers() {
            let provider = config.providers.get(name);
            let Some(login) = provider.and_then(Provider::login) else {
                continue;
            };
            let own = self.working_copy(name, login);
            match login::adopt(&written(from, login), &own) {
                Ok(login::Adopted::New) => tracing::info!(provider = name, "a new login"),
                Ok(login::Adopted::Known) => {}
                Err(error) => tracing::warn!(provider = name, %error, "the login cannot be used"),
            }
        }
    }
}

/// The file that a login is written to.
pub(crate) fn written(from: &Path, login: &Login) -> PathBuf {
    from.join(&login.token_file)
}
