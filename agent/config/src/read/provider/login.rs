//! `providers.<name>.login`

use std::path::PathBuf;

use crate::model::Login;

use super::super::field::Field;
use super::super::reader::Reader;
use super::super::section::Section;
use super::kind::base_url;

/// Where the vendor lets people agree, gives tokens and shows the code, and what is asked for: a
/// name for the person and answers of models. Anthropic's own, for clients registered there.
const AUTHORIZE_URL: &str = "https://claude.ai/oauth/authorize";
const TOKEN_URL: &str = "https://console.anthropic.com/v1/oauth/token";
const REDIRECT_URL: &str = "https://console.anthropic.com/oauth/code/callback";
const SCOPES: [&str; 2] = ["user:profile", "user:inference"];

/// `providers.<name>.login`
pub(super) fn login(reader: &mut Reader<'_>, field: &Field<'_>, provider: &str) -> Option<Login> {
    let mut section = Section::open(reader, field)?;
    let client_id = section
        .required(reader, "client_id")
        .and_then(|field| field.text(reader));
    let mut url = |reader: &mut Reader<'_>, key, default: &str| {
        let given = section.optional(key);
        // Servers compare them letter by letter, a slash at the end included.
        let given = given.map(|field| {
            base_url(reader, &field, (default, "client_id")).and_then(|_| field.text(reader))
        });
        given.unwrap_or_else(|| Some(default.to_owned()))
    };
    let authorize_url = url(reader, "authorize_url", AUTHORIZE_URL);
    let token_url = url(reader, "token_url", TOKEN_URL);
    let redirect_url = url(reader, "redirect_url", REDIRECT_URL);
    let scopes = section.optional("scopes");
    let scopes = scopes.and_then(|field| field.texts(reader));
    let token_file = section.optional("token_file");
    let token_file = token_file.and_then(|field| field.file_path(reader));
    section.finish(reader);
    Some(Login {
        client_id: client_id?,
        authorize_url: authorize_url?,
        token_url: token_url?,
        redirect_url: redirect_url?,
        scopes: scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec()),
        token_file: token_file
            .unwrap_or_else(|| PathBuf::from(format!(".rivetos/login-{provider}.json"))),
    })
}
