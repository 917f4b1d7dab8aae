//! `rivetos-agent login`: a person agrees, and the tokens are kept.

use std::io::{self, BufRead, Write};
use std::path::Path;

use rivetos_config::Login;
use rivetos_http::Http;
use rivetos_model_anthropic::login::Attempt;
use rivetos_types::settings::OAuth;

use crate::error::BootError;
use crate::models::written;
use crate::setup::Setup;

/// The longest answer that is read, in bytes: an address with a code in it.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// Shows where to agree, reads what comes back, and puts the tokens into the file that the
/// configuration names.
pub(crate) fn run(config: &Path, name: &str) -> Result<(), BootError> {
    let setup = Setup::look_at(config)?;
    let (name, login) = find(&setup, name)?;
    let token_file = written(&setup.folder, login);
    let attempt = Attempt::new(OAuth {
        token_file: token_file.clone(),
        client_id: login.client_id.clone(),
        authorize_url: login.authorize_url.clone(),
        token_url: login.token_url.clone(),
        redirect_url: login.redirect_url.clone(),
        scopes: login.scopes.clone(),
    });
    let attempt = attempt.map_err(BootError::Login)?;
    say(&format!(
        "Open this address, agree, and paste here what you are shown, or the whole address that \
         you are sent to:\n\n{}\n\n> ",
        attempt.url()
    ))?;
    let mut answer = String::new();
    let mut input = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX);
    input.read_line(&mut answer).map_err(BootError::Input)?;
    let finished = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BootError::Runtime)?
        .block_on(attempt.finish(&answer, &Http::new()));
    finished.map_err(BootError::Login)?;
    say(&format!(
        "\nThe login of `{name}` is in {}. The agent that uses it gets it with `rivetos infra up` \
         and renews it from then on.\n",
        token_file.display()
    ))
}

/// The provider of that name, else the only one of that kind, which must be one with a login.
fn find<'s>(setup: &'s Setup, name: &str) -> Result<(&'s str, &'s Login), BootError> {
    let providers = &setup.config.providers;
    let named = providers.get_key_value(name);
    let mut of_kind = providers.iter().filter(|(_, one)| one.kind.word() == name);
    let found = (named, of_kind.next(), of_kind.next());
    let ((Some((name, provider)), _, _) | (None, Some((name, provider)), None)) = found else {
        return Err(BootError::NoProvider(name.to_owned()));
    };
    let login = provider.login();
    let login = login.ok_or_else(|| BootError::NoLogin(name.clone()))?;
    Ok((name, login))
}

/// To the person: standard output stays for data.
fn say(text: &str) -> Result<(), BootError> {
    let mut err = io::stderr().lock();
    err.write_all(text.as_bytes())
        .and_then(|()| err.flush())
        .map_err(BootError::Output)
}
