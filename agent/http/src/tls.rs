//! The trust roots: compiled in, because a container may have none of its own.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A file with further roots, by the name that most programs know it.
const EXTRA_ROOTS: &str = "SSL_CERT_FILE";

/// A client configuration that trusts the public roots and those in `$SSL_CERT_FILE`. The error
/// says what is wrong with that file.
pub(crate) fn client_config() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(path) = std::env::var_os(EXTRA_ROOTS) {
        let wrong = |error: &dyn std::fmt::Display| {
            format!("the file of ${EXTRA_ROOTS}, `{}`: {error}", path.display())
        };
        for root in CertificateDer::pem_file_iter(&path).map_err(|error| wrong(&error))? {
            roots
                .add(root.map_err(|error| wrong(&error))?)
                .map_err(|error| wrong(&error))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
