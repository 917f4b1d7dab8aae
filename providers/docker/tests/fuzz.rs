//! Whatever an engine answers, looking at it ends, and what could not be seen is told.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fuzzing::fuzz;
use rivetos_config::parse;
use rivetos_fleet::model::{DesiredSet, ErrorScope, Kind};
use rivetos_fleet::port::InfraProvider;
use rivetos_fleet::{
    BuildInfo, Context, FleetId, FleetSpec, Secret, SecretError, SecretRef, SecretResolver, desired,
};
use rivetos_provider_docker::{DockerEngine, DockerProvider, EngineAddress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::runtime;

const FLEET: &str = "fleet: home\nagents: {ada: {provider: p}}\nproviders: {p: {kind: rehearsal}}\n\
                     deployment: {target: docker, datahub: {postgres: true}}\n";

fn wanted() -> DesiredSet {
    let config = parse(FLEET, "f", &BTreeMap::new()).unwrap().config;
    let context = Context {
        build: BuildInfo {
            version: "0.1.0".to_owned(),
            commit: "0123456789ab".to_owned(),
        },
        home: PathBuf::from("/fleets/home"),
        program: None,
        seed: BTreeMap::new(),
        digests: BTreeMap::new(),
    };
    let layout = desired(&FleetSpec::resolve(&config, context).unwrap());
    layout.into_values().next().unwrap()
}

struct NoSecrets;

impl SecretResolver for NoSecrets {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        Err(SecretError::Missing(secret.clone()))
    }
}

const VERSION: &str = r#"{"Version":"28.0","ApiVersion":"1.47","Os":"linux","Arch":"amd64"}"#;

/// What the engine says: lines of a piece of the path, a blank and the body.
type Script = Arc<Mutex<Vec<u8>>>;

fn answer(script: &[u8], path: &str) -> Vec<u8> {
    let lines = script.split(|byte| *byte == b'\n');
    let body = lines.filter_map(|line| {
        let blank = line.iter().position(|byte| *byte == b' ')?;
        let fragment = String::from_utf8_lossy(&line[..blank]);
        (!fragment.is_empty() && path.contains(fragment.as_ref())).then(|| &line[blank + 1..])
    });
    let (status, body) = match body.take(1).next() {
        _ if path.ends_with("/version") => ("200 OK", VERSION.as_bytes()),
        Some(body) => ("200 OK", body),
        None => (
            "404 Not Found",
            br#"{"message":"no such thing"}"#.as_slice(),
        ),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
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
                    let said = answer(&script.lock().unwrap(), path);
                    request.clear();
                    if stream.write_all(&said).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
}

#[test]
fn what_an_engine_says_is_seen_or_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let script = Script::default();
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
    let provider = DockerProvider::new(engine, fleet, Arc::new(NoSecrets));
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
        *script.lock().unwrap() = bytes.to_vec();
        let inventory = runtime.block_on(provider.observe(&wanted));
        let listed = answer(bytes, "/containers/json");
        let body = listed
            .split(|byte| *byte == b'\n')
            .next_back()
            .unwrap_or_default();
        if serde_json::from_slice::<Vec<serde_json::Value>>(body).is_err() {
            let scopes: Vec<_> = inventory.errors.iter().map(|error| &error.scope).collect();
            assert!(
                scopes.contains(&&ErrorScope::Kind(Kind::Agent)),
                "{inventory:?}"
            );
        }
    });
}
