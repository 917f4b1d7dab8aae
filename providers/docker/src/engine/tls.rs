//! TCP with certificates on both sides.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, crypto};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{ConnectError, TlsFiles};

/// Opens streams to one engine.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    host: String,
    port: u16,
}

impl Tls {
    /// Reads the files; connects to nothing yet.
    pub(super) fn new(host: String, port: u16, files: &TlsFiles) -> Result<Self, ConnectError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.ca)? {
            let added = roots.add(certificate);
            added.map_err(|error| unusable(&files.ca, &error))?;
        }
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|error| unusable(&files.key, &error))?;
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&files.ca, &error))?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(&files.cert)?, key)
            .map_err(|error| unusable(&files.cert, &error))?;
        let name = ServerName::try_from(host.clone()).map_err(|_| ConnectError::BadAddress {
            host: format!("tcp://{host}:{port}"),
        })?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
            host,
            port,
        })
    }

    pub(super) async fn open(&self) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        self.connector.connect(self.name.clone(), stream).await
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let all: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|error| unusable(path, &error))?;
    if all.is_empty() {
        return Err(unusable(path, &"there is no certificate in it"));
    }
    Ok(all)
}

fn unusable(path: &Path, why: &dyn Display) -> ConnectError {
    ConnectError::Certificate {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
