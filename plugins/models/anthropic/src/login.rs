//! Logging in instead of having a key: OAuth 2 with PKCE, for a public client.
//!
//! [`Attempt`] is what a command line needs to get the first tokens; [`Login`] is what a provider
//! needs to have a valid one for each request. Between them stands the token file.
//!
//! **Invariants**
//! - The token file is readable by its owner only, and whole at any time.
//! - A token that was renewed is written down, whoever has asked for it is still there or not: the
//!   one before may not be valid any more.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

use rivetos_http::{Http, HttpError};
use rivetos_types::model::ModelError;
use rivetos_types::secret::Secret;
use rivetos_types::settings::OAuth;
use thiserror::Error;
use tokio::sync::Mutex;

mod adopt;
mod attempt;
mod exchange;
mod file;

pub use adopt::{Adopted, adopt};
pub use attempt::Attempt;
use exchange::{Grant, exchange};
use file::{Draft, Lock};

/// A token is renewed when it would be valid no longer than this.
const RENEWED_BEFORE: Duration = Duration::from_mins(5);

/// Follows what only the person can mend.
pub(crate) fn advice(name: &str) -> String {
    format!(": log in again with `rivetos login {name}`")
}

/// The tokens of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tokens {
    access: Secret<String>,
    refresh: Secret<String>,
    expires_at: SystemTime,
}

impl Tokens {
    fn are_valid_for(&self, more: Duration) -> bool {
        let left = self.expires_at.duration_since(SystemTime::now());
        left.is_ok_and(|left| left > more)
    }
}

/// Somebody who has logged in. Clones are the same one.
#[derive(Clone)]
pub struct Login(Arc<Inner>);

struct Inner {
    oauth: OAuth,
    http: Http,
    /// Held while the tokens are renewed; the lock beside the file keeps other processes out.
    renewing: Mutex<()>,
}

impl Login {
    /// The login whose tokens are in the file that `oauth` names. Nothing is opened yet.
    pub fn new(oauth: OAuth, http: Http) -> Self {
        Self(Arc::new(Inner {
            oauth,
            http,
            renewing: Mutex::new(()),
        }))
    }

    /// A valid access token; renewed first when it is about to expire.
    ///
    /// # Errors
    /// Nobody has logged in, the login has ended, or the tokens cannot be renewed just now.
    pub async fn token(&self) -> Result<Secret<String>, LoginError> {
        let tokens = file::read(&self.0.oauth.token_file)?;
        if tokens.are_valid_for(RENEWED_BEFORE) {
            return Ok(tokens.access);
        }
        // A task of its own: who asked may go away in the middle.
        let inner = Arc::clone(&self.0);
        let renewal = tokio::spawn(async move { inner.renewed().await });
        renewal.await.unwrap_or(Err(LoginError::Stopped))
    }
}

impl Inner {
    async fn renewed(&self) -> Result<Secret<String>, LoginError> {
        let _one = self.renewing.lock().await;
        let path = &self.oauth.token_file;
        let _lock = Lock::take(path).await?;
        // Somebody else may have been faster.
        let tokens = file::read(path)?;
        if tokens.are_valid_for(RENEWED_BEFORE) {
            return Ok(tokens.access);
        }
        // Before the old tokens are spent it is sure that new ones can be kept.
        let draft = Draft::new(path)?;
        match exchange(&self.oauth, &self.http, Grant::Renewal(&tokens.refresh)).await {
            Ok(new) => {
                draft.keep(&new)?;
                Ok(new.access)
            }
            Err(error) if error.may_pass() && tokens.are_valid_for(Duration::ZERO) => {
                Ok(tokens.access)
            }
            Err(error) => Err(error),
        }
    }
}

/// Until when the tokens in the file at `path` are valid without being renewed.
///
/// # Errors
/// There is no such file, or no tokens in it.
pub fn valid_until(path: &Path) -> Result<SystemTime, LoginError> {
    file::read(path).map(|tokens| tokens.expires_at)
}

/// Why there is no token. Never contains one.
#[derive(Debug, Error)]
pub enum LoginError {
    /// There is no token file.
    #[error("nobody has logged in: `{}` does not exist", .0.display())]
    NotLoggedIn(PathBuf),
    /// The token file is of somebody else's making.
    #[error("the token file `{}` cannot be understood", .0.display())]
    NotTokens(PathBuf),
    /// The token file or its folder does not let us.
    #[error("the token file `{}` cannot be {verb}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What was tried.
        verb: Verb,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("no random numbers can be had")]
    NoRandomness,
    /// What was pasted has not both a code and the state of this attempt.
    #[error("this is not the answer to this login: all of the code or address is needed")]
    OtherAnswer,
    /// The authorisation server did not answer.
    #[error(transparent)]
    Unreached(#[from] HttpError),
    /// The authorisation server has no time.
    #[error("{0}")]
    Busy(String),
    /// The authorisation server does not agree.
    #[error("{0}")]
    Refused(String),
    /// The process is about to end.
    #[error("the agent is stopping")]
    Stopped,
}

/// What was tried with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are the documentation")]
pub enum Verb {
    Read,
    Written,
    Locked,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Written => "written",
            Self::Locked => "locked",
        })
    }
}

impl LoginError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreached(HttpError::Unreached { .. } | HttpError::BrokenOff(_))
            | Self::Busy(_)
            | Self::Stopped => true,
            Self::Unreached(HttpError::Unusable(_) | HttpError::TooLong)
            | Self::NotLoggedIn(_)
            | Self::NotTokens(_)
            | Self::File { .. }
            | Self::NoRandomness
            | Self::OtherAnswer
            | Self::Refused(_) => false,
        }
    }

    /// The same for who has asked the provider `name` for an answer.
    pub(crate) fn for_model(&self, name: &str) -> ModelError {
        let again = match self {
            Self::NotLoggedIn(_) | Self::NotTokens(_) | Self::Refused(_) => advice(name),
            Self::File { .. }
            | Self::NoRandomness
            | Self::OtherAnswer
            | Self::Unreached(_)
            | Self::Busy(_)
            | Self::Stopped => String::new(),
        };
        let cause = std::error::Error::source(self);
        let cause = cause.map_or(String::new(), |cause| format!(": {cause}"));
        let message = format!("the login of `{name}`: {self}{cause}{again}");
        if self.may_pass() {
            return ModelError::Transient {
                message,
                retry_after_ms: None,
            };
        }
        ModelError::Fatal {
            status: None,
            message,
        }
    }
}
