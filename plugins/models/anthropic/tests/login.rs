//! Logging in against an authorisation server that checks everything, and using the tokens.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod vendor;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use data_encoding::BASE64URL_NOPAD;
use futures_util::StreamExt;
use futures_util::future::join_all;
use rivetos_http::{Http, Request};
use rivetos_model_anthropic::Anthropic;
use rivetos_model_anthropic::login::{Attempt, Login, LoginError};
use rivetos_types::message::Message;
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings::{AnthropicAccess, OAuth};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::{Notify, Semaphore};
use vendor::{Vendor, events, said, serve, settings};

const REDIRECT: &str = "http://localhost:1/back?x=1";

/// An authorisation server for the client `rivet-1`.
#[derive(Clone)]
struct Authority {
    state: Arc<Mutex<Issued>>,
    /// Each exchange of tokens needs one of these.
    permits: Arc<Semaphore>,
    asked: Arc<Notify>,
}

#[derive(Default)]
struct Issued {
    /// The challenges of codes that nobody has used.
    codes: BTreeMap<String, String>,
    /// The last address that a person was sent back to.
    sent_back: String,
    /// The one that may be used once.
    refresh: String,
    count: usize,
    /// How long tokens are valid, in seconds.
    valid: u64,
    /// What it says instead of giving tokens.
    refuses: Option<(u16, &'static str)>,
}

impl Authority {
    fn new(valid: u64) -> Self {
        let issued = Issued {
            valid,
            ..Issued::default()
        };
        Self {
            state: Arc::new(Mutex::new(issued)),
            permits: Arc::new(Semaphore::new(1000)),
            asked: Arc::default(),
        }
    }

    async fn serve(&self) -> SocketAddr {
        let app = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(self.clone());
        serve(app).await
    }

    fn exchanges(&self) -> usize {
        self.state.lock().unwrap().count
    }
}

/// The person agrees at once and is sent back.
async fn authorize(State(authority): State<Authority>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap();
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    let query: BTreeMap<&str, &str> = pairs.collect();
    let right = query["response_type"] == "code"
        && query["client_id"] == "rivet-1"
        && query["redirect_uri"] == "http%3A%2F%2Flocalhost%3A1%2Fback%3Fx%3D1"
        && query["scope"] == "user%3Ainference%20user%3Aprofile"
        && query["code_challenge_method"] == "S256"
        && query["state"].len() >= 40;
    if !right {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut issued = authority.state.lock().unwrap();
    let number = issued.codes.len();
    let challenge = query["code_challenge"].to_owned();
    issued.codes.insert(format!("code/{number}"), challenge);
    let back = format!("{REDIRECT}&code=code%2F{number}&state={}", query["state"]);
    issued.sent_back.clone_from(&back);
    Redirect::to(&back).into_response()
}

async fn token(State(authority): State<Authority>, body: String) -> Response {
    authority.asked.notify_one();
    authority.permits.acquire().await.unwrap().forget();
    let body: BTreeMap<String, String> = serde_json::from_str(&body).unwrap();
    let mut issued = authority.state.lock().unwrap();
    issued.count += 1;
    let refused = |status: u16, code: &str| {
        let body = json!({ "error": code, "error_description": format!("{code}: {body:?}") });
        let status = StatusCode::from_u16(status).unwrap();
        (
            status,
            [(header::CONTENT_TYPE, "application/json")],
            body.to_string(),
        )
            .into_response()
    };
    if let Some((status, code)) = issued.refuses {
        return refused(status, code);
    }
    let granted = body["client_id"] == "rivet-1"
        && match body["grant_type"].as_str() {
            "authorization_code" => {
                let digest = Sha256::digest(body["code_verifier"].as_bytes());
                let challenge = issued.codes.remove(&body["code"]);
                body["redirect_uri"] == REDIRECT
                    && challenge == Some(BASE64URL_NOPAD.encode(&digest))
            }
            "refresh_token" => {
                // Never twice.
                !issued.refresh.is_empty()
                    && std::mem::take(&mut issued.refresh) == body["refresh_token"]
            }
            _ => false,
        };
    if !granted {
        return refused(400, "invalid_grant");
    }
    issued.refresh = format!("refresh-{}", issued.count);
    let tokens = json!({
        "access_token": format!("access-{}", issued.count),
        "refresh_token": issued.refresh,
        "expires_in": issued.valid,
        "token_type": "Bearer",
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        tokens.to_string(),
    )
        .into_response()
}

struct Setting {
    authority: Authority,
    oauth: OAuth,
    folder: TempDir,
}

impl Setting {
    async fn new(valid: u64) -> Self {
        let authority = Authority::new(valid);
        let address = authority.serve().await;
        let folder = tempfile::tempdir().unwrap();
        let oauth = OAuth {
            token_file: folder.path().join("made/anthropic.json"),
            client_id: "rivet-1".into(),
            authorize_url: format!("http://{address}/authorize"),
            token_url: format!("http://{address}/token"),
            redirect_url: REDIRECT.into(),
            scopes: vec!["user:inference".into(), "user:profile".into()],
        };
        Self {
            authority,
            oauth,
            folder,
        }
    }

    /// The address that a person is sent back to.
    async fn agree(&self, attempt: &Attempt) -> String {
        let http = Http::new();
        let get = Request::get(attempt.url().to_owned(), Duration::from_secs(5));
        assert_eq!(http.fetch(get).await.unwrap().status, 303);
        self.authority.state.lock().unwrap().sent_back.clone()
    }

    async fn log_in(&self) {
        let attempt = Attempt::new(self.oauth.clone()).unwrap();
        let answer = self.agree(&attempt).await;
        attempt.finish(&answer, &Http::new()).await.unwrap();
    }

    fn login(&self) -> Login {
        Login::new(self.oauth.clone(), Http::new())
    }

    fn stored(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(&self.oauth.token_file).unwrap()).unwrap()
    }

    /// The names of the files beside the token file, and that nobody else reads them.
    fn files(&self) -> Vec<String> {
        let folder = self.oauth.token_file.parent().unwrap();
        assert_eq!(mode(folder), 0o700);
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let name = |path: PathBuf| {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn who_logs_in_has_tokens_in_a_private_file() {
    let setting = Setting::new(3600).await;
    setting.log_in().await;
    let stored = setting.stored();
    assert_eq!(stored["access_token"], "access-1");
    assert_eq!(stored["refresh_token"], "refresh-1");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let left = u128::from(stored["expires_at_ms"].as_u64().unwrap()) - now;
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    assert_eq!(setting.files(), ["anthropic.json", "anthropic.json.lock"]);
    assert_eq!(setting.login().token().await.unwrap().expose(), "access-1");
    assert_eq!(setting.authority.exchanges(), 1);
}

#[tokio::test]
async fn only_the_answer_to_this_attempt_counts() {
    let setting = Setting::new(3600).await;
    let attempt = || Attempt::new(setting.oauth.clone()).unwrap();
    let (one, other) = (attempt(), attempt());
    assert_ne!(one.url(), other.url());
    let answer = setting.agree(&other).await;
    let refused = one.finish(&answer, &Http::new()).await.unwrap_err();
    assert!(matches!(refused, LoginError::OtherAnswer), "{refused}");
    for answer in ["", "code/0", "code/0#", "https://one.example/?error=no"] {
        let refused = attempt().finish(answer, &Http::new()).await.unwrap_err();
        assert!(
            matches!(refused, LoginError::OtherAnswer),
            "{answer}: {refused}"
        );
    }
    assert_eq!(setting.authority.exchanges(), 0);
    // Of another attempt by its code, with our own state: the server sees another verifier.
    let one = attempt();
    let (_, state) = one.url().rsplit_once("state=").unwrap();
    let answer = format!("code/0#{state}");
    let refused = one.finish(&answer, &Http::new()).await.unwrap_err();
    assert!(matches!(refused, LoginError::Refused(_)), "{refused}");
    assert!(!refused.to_string().contains("code/0"), "{refused}");
    assert!(!setting.oauth.token_file.exists());
}

#[tokio::test]
async fn many_who_ask_renew_once() {
    // So short that it is renewed at once, then long.
    let setting = Setting::new(60).await;
    setting.log_in().await;
    setting.authority.state.lock().unwrap().valid = 3600;
    let (one, other) = (setting.login(), setting.login());
    let asked = (0..8).map(|at| {
        if at % 2 == 0 {
            one.token()
        } else {
            other.token()
        }
    });
    for token in join_all(asked).await {
        assert_eq!(token.unwrap().expose(), "access-2");
    }
    assert_eq!(setting.authority.exchanges(), 2);
    assert_eq!(setting.stored()["refresh_token"], "refresh-2");
    assert_eq!(setting.files(), ["anthropic.json", "anthropic.json.lock"]);
}

#[tokio::test]
async fn a_login_that_has_ended_says_so() {
    let setting = Setting::new(60).await;
    setting.log_in().await;
    setting.authority.state.lock().unwrap().refresh = "another".into();
    let (status, message) = fatal(&setting).await;
    assert_eq!(status, None);
    let expected = "the login of `test`: invalid_grant: ";
    assert!(message.starts_with(expected), "{message}");
    assert!(
        message.ends_with(": log in again with `rivetos login test`"),
        "{message}"
    );
    assert!(!message.contains("refresh-1"), "{message}");
    assert_eq!(setting.stored()["refresh_token"], "refresh-1");
    fs::remove_file(&setting.oauth.token_file).unwrap();
    let (_, message) = fatal(&setting).await;
    assert!(message.contains("nobody has logged in"), "{message}");
    fs::write(&setting.oauth.token_file, "{}").unwrap();
    let (_, message) = fatal(&setting).await;
    assert!(message.contains("cannot be understood"), "{message}");
}

#[tokio::test]
async fn a_token_that_was_taken_back_says_so() {
    let setting = Setting::new(3600).await;
    setting.log_in().await;
    let (status, message) = fatal(&setting).await;
    assert_eq!(status, Some(401));
    assert!(
        message.ends_with(": log in again with `rivetos login test`"),
        "{message}"
    );
}

#[tokio::test]
async fn a_server_without_time_is_asked_again_later() {
    let setting = Setting::new(60).await;
    setting.log_in().await;
    setting.authority.state.lock().unwrap().refuses = Some((503, "busy"));
    // Still valid for some seconds.
    assert_eq!(setting.login().token().await.unwrap().expose(), "access-1");
    let mut stored = setting.stored();
    stored["expires_at_ms"] = json!(1);
    fs::write(&setting.oauth.token_file, stored.to_string()).unwrap();
    let items = ask(&setting, &Vendor::new("access-1")).await;
    assert!(
        matches!(items[..], [Err(ModelError::Transient { .. })]),
        "{items:?}"
    );
    setting.authority.state.lock().unwrap().refuses = None;
    assert_eq!(setting.login().token().await.unwrap().expose(), "access-4");
}

#[tokio::test]
async fn who_goes_away_loses_no_tokens() {
    let setting = Setting::new(60).await;
    setting.log_in().await;
    setting.authority.asked.notified().await;
    setting.authority.state.lock().unwrap().valid = 3600;
    setting.authority.permits.forget_permits(1000);
    let login = setting.login();
    tokio::select! {
        biased;
        token = login.token() => drop(token.unwrap()),
        () = setting.authority.asked.notified() => {}
    }
    setting.authority.permits.add_permits(1);
    assert_eq!(login.token().await.unwrap().expose(), "access-2");
    assert_eq!(setting.authority.exchanges(), 2);
    assert_eq!(setting.stored()["refresh_token"], "refresh-2");
}

#[tokio::test]
async fn tokens_that_cannot_be_kept_are_not_spent() {
    let setting = Setting::new(60).await;
    setting.log_in().await;
    // A folder in the place of the file beside it: also for the superuser nothing to write to.
    fs::create_dir(setting.folder.path().join("made/anthropic.json.new")).unwrap();
    let refused = setting.login().token().await.unwrap_err();
    assert!(matches!(refused, LoginError::File { .. }), "{refused}");
    assert_eq!(setting.authority.exchanges(), 1);
}

/// There is no key.
struct NoKeys;

impl SecretResolver for NoKeys {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        Err(SecretError::Missing(secret.clone()))
    }
}

async fn ask(setting: &Setting, vendor: &Vendor) -> Vec<Result<StreamEvent, ModelError>> {
    let access = AnthropicAccess::Login(setting.oauth.clone());
    let settings = settings(vendor.serve().await, "claude-haiku-4-5", access);
    let provider = Anthropic::new(settings, Arc::new(NoKeys), Http::new());
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: vec![Message::user("hi")].into(),
        tools: Arc::default(),
    };
    provider.stream(request).collect().await
}

async fn fatal(setting: &Setting) -> (Option<u16>, String) {
    match ask(setting, &Vendor::new("none")).await.pop() {
        Some(Err(ModelError::Fatal { status, message })) => (status, message),
        other => (None, format!("{other:?}")),
    }
}

#[tokio::test]
async fn the_token_of_the_file_goes_with_each_request() {
    let setting = Setting::new(3600).await;
    for token in ["access-1", "access-2"] {
        setting.log_in().await;
        let vendor = Vendor::new(token);
        vendor.streams(&events(&[said("hi")], "end_turn"));
        let items = ask(&setting, &vendor).await;
        assert_eq!(items[0], Ok(StreamEvent::Text("hi".into())));
    }
}
