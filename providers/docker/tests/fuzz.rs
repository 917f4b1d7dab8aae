//! Whatever an engine answers, looking at it ends, and what could not be seen is told.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
#[path = "../../../fleet/planner/tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::{Arc, Mutex};

use fuzzing::fuzz;
use rivetos_fleet::model::{DesiredSet, ErrorScope, Kind};
use rivetos_fleet::port::{FleetLock, Holder, InfraProvider};
use rivetos_fleet::{FleetId, Secret, SecretError, SecretRef, SecretResolver, desired};
use rivetos_provider_docker::{DockerEngine, DockerProvider, EngineAddress};
use serde_json::json;
use support::resolve;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::runtime::{self, Runtime};

const FLEET: &str = "fleet: home\nagents: {ada: {provider: p}}\nproviders: {p: {kind: rehearsal}}\n\
                     deployment: {target: docker, datahub: {postgres: true}}\n";

fn wanted() -> DesiredSet {
    let layout = desired(&resolve(FLEET).unwrap());
    layout.into_values().next().unwrap()
}

struct NoSecrets;

impl SecretResolver for NoSecrets {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        Err(SecretError::Missing(secret.clone()))
    }
}

const VERSION: &str = r#"{"Version":"28.0","ApiVersion":"1.47","Os":"linux","Arch":"amd64"}"#;

/// What the engine says to a request for a path; nothing: no such thing.
type Script = Arc<Mutex<Box<dyn Fn(&str) -> Option<Vec<u8>> + Send>>>;

/// Of lines of a piece of the path, a blank and the body.
fn listed(lines: &[u8], path: &str) -> Option<Vec<u8>> {
    let mut lines = lines.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let blank = line.iter().position(|byte| *byte == b' ')?;
        let fragment = String::from_utf8_lossy(&line[..blank]);
        let is_it = !fragment.is_empty() && path.contains(fragment.as_ref());
        is_it.then(|| line[blank + 1..].to_vec())
    })
}

fn answer(script: &Script, path: &str) -> Vec<u8> {
    let said = if path.ends_with("/version") {
        Some(VERSION.into())
    } else {
        script.lock().unwrap()(path)
    };
    let (status, body) = match said {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", br#"{"message":"no such thing"}"#.to_vec()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), &body].concat()
}

fn serve(socket: &Path, script: &Script) {
    let listener = UnixListener::bind(socket).unwrap();
    let script = Arc::clone(script);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while stream
                    .read_buf(&mut request)
                    .await
                    .is_ok_and(|size| size > 0)
                {
                    if !request.windows(4).any(|four| four == b"\r\n\r\n") {
                        continue;
                    }
                    let text = String::from_utf8_lossy(&request);
                    let target = text.split(' ').nth(1).unwrap_or_default();
                    let path = target.split('?').next().unwrap_or_default();
                    let said = answer(&script, path);
                    request.clear();
                    if stream.write_all(&said).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}

/// The fleet `home` on an engine that says what the test wants.
struct Bench {
    provider: DockerProvider,
    script: Script,
    runtime: Runtime,
    _folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let script: Script = Arc::new(Mutex::new(Box::new(|_| None)));
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let engine = runtime.block_on(async {
            serve(&socket, &script);
            let address = EngineAddress::plain(format!("unix://{}", socket.display()));
            DockerEngine::connect(&address).await.unwrap()
        });
        let fleet: FleetId = "home".parse().unwrap();
        Self {
            provider: DockerProvider::new(engine, fleet, Arc::new(NoSecrets)),
            script,
            runtime,
            _folder: folder,
        }
    }

    fn says(&self, script: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }
}

#[test]
fn what_an_engine_says_is_seen_or_told() {
    let bench = Bench::new();
    let wanted = wanted();
    let words = [
        "\n/containers/json ",
        "\n/containers/c1/json ",
        "\n/networks ",
        "\n/volumes ",
        "\n/images/ ",
        "\"Labels\":null,",
        "\"io.rivetos.managed-by\":\"rivetos-fleet\",\"io.rivetos.fleet\":\"home\",",
        "\"io.rivetos.addr\":\"agent/ada\",",
        "\"io.rivetos.claim\":\"adopt\",",
        "\"io.rivetos.replaces\":\"c1\",",
        "\"Names\":[\"/x\"],",
        "\"State\":{\"Status\":\"running\"},",
    ];
    fuzz("engine", &words, |bytes| {
        let lines = bytes.to_vec();
        bench.says(move |path| listed(&lines, path));
        let inventory = bench.runtime.block_on(bench.provider.observe(&wanted));
        let containers = listed(bytes, "/containers/json").unwrap_or_default();
        if serde_json::from_slice::<Vec<serde_json::Value>>(&containers).is_err() {
            let scopes: Vec<_> = inventory.errors.iter().map(|error| &error.scope).collect();
            assert!(
                scopes.contains(&&ErrorScope::Kind(Kind::Agent)),
                "{inventory:?}"
            );
        }
    });
}

/// The holder of the lock, as on its label.
const HOLDER: &str = r#"{"id":"l1","who":"max","operation":"infra up","host":"lab","pid":7,
    "process":null,"since_unix_ms":1,"beat":0,"beat_unix_ms":1,"ttl_ms":60000}"#;

impl Bench {
    /// Whoever holds the lock, when `archive` is what the engine makes of the last sign of life.
    fn holder(&self, archive: &[u8]) -> Holder {
        let archive = archive.to_vec();
        self.says(move |path| {
            if path.ends_with("/archive") {
                return Some(archive.clone());
            }
            let labels = json!({"io.rivetos.managed-by": "rivetos-fleet",
                "io.rivetos.fleet": "home", "io.rivetos.lock": HOLDER});
            let live = json!({"Id": "c1", "Config": {"Labels": labels}});
            Some(live.to_string().into_bytes())
        });
        let holder = self.runtime.block_on(self.provider.holder());
        holder.unwrap().unwrap()
    }
}

const SIGN: &[u8] = include_bytes!("corpus/lock/sign");

#[test]
fn a_lock_is_held_whatever_its_last_sign_of_life_is() {
    let bench = Bench::new();
    let words = [
        "lease.json",
        "ustar\0",
        "\"id\":\"l1\"",
        "\"beat\":",
        HOLDER,
    ];
    fuzz("lock", &words, |bytes| {
        assert_eq!(bench.holder(bytes).id.0, "l1");
    });
    assert_eq!(bench.holder(SIGN).beat, 3, "a sign of life is read");
}

#[test]
fn an_archive_is_read_up_to_a_bound() {
    let bench = Bench::new();
    let folder = &include_bytes!("corpus/lock/folder-first")[..512];
    let few = [folder.repeat(10).as_slice(), SIGN].concat();
    assert_eq!(bench.holder(&few).beat, 3);
    let many = [folder.repeat(10_000).as_slice(), SIGN].concat();
    assert_eq!(bench.holder(&many).beat, 0, "that of the label");
}
