//! Engines that are not there or not new enough.

#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::path::Path;

use rivetos_provider_docker::{ConnectError, DockerEngine, EngineAddress, TlsFiles};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

/// An engine that knows one answer: its version.
fn serve(socket: &Path, api: &'static str) {
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|size| size > 0) {
                    let body = format!(
                        r#"{{"Version":"0.1","ApiVersion":"{api}","Os":"linux","Arch":"amd64"}}"#
                    );
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                         content-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
}

async fn connect(socket: &Path) -> Result<DockerEngine, ConnectError> {
    let address = EngineAddress::plain(format!("unix://{}", socket.display()));
    DockerEngine::connect(&address).await
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    serve(&socket, "1.40");
    let error = connect(&socket).await.unwrap_err();
    assert!(
        matches!(&error, ConnectError::TooOld { api, .. } if api == "1.40"),
        "{error:?}"
    );
    assert!(error.hint().contains("20.10"));
}

#[tokio::test]
async fn an_engine_that_is_new_enough_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    serve(&socket, "1.41");
    assert_eq!(connect(&socket).await.unwrap().architecture(), "amd64");
}

#[tokio::test]
async fn no_engine_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let error = connect(&folder.path().join("docker.sock"))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::NoEngine { .. }), "{error:?}");
    let error = DockerEngine::connect(&EngineAddress::plain("smoke-signals"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::BadAddress { .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_says_nothing_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let error = connect(&socket).await.unwrap_err();
    assert!(matches!(error, ConnectError::Silent { .. }), "{error:?}");
    assert!(error.to_string().ends_with("within 10 s"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("ca.pem"), "not a certificate\n").unwrap();
    let address = EngineAddress {
        tls: Some(TlsFiles {
            ca: path("ca.pem"),
            cert: path("cert.pem"),
            key: path("key.pem"),
        }),
        ..EngineAddress::plain("tcp://127.0.0.1:1")
    };
    let error = DockerEngine::connect(&address).await.unwrap_err();
    assert!(error.to_string().contains("ca.pem"), "{error}");
    assert!(error.hint().contains("PEM"), "{}", error.hint());
}
