//! Where an engine is, and how it is reached.

use std::net::IpAddr;
use std::path::PathBuf;

use super::ConnectError;

/// Where an engine listens unless somebody says otherwise.
const LOCAL_SOCKET: &str = "unix:///var/run/docker.sock";

/// The port of an engine that speaks TLS.
const TLS_PORT: u16 = 2376;

/// Where an engine is, as a configuration or the environment says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineAddress {
    /// `unix://…`, `tcp://…` or `ssh://…`.
    pub host: String,
    /// How the two sides of `tcp://…` prove who they are; absent: not at all.
    pub tls: Option<TlsFiles>,
}

/// Files in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificates that the engine's must come from. No other ones are trusted.
    pub ca: PathBuf,
    /// The operator's certificate.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Default for EngineAddress {
    /// The local socket.
    fn default() -> Self {
        Self::plain(LOCAL_SOCKET)
    }
}

impl EngineAddress {
    /// An engine that is reached without certificates of our own.
    pub fn plain(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            tls: None,
        }
    }

    /// Whether everybody between here and the engine can read along and change it.
    pub fn is_exposed(&self) -> bool {
        let Ok(Route::Tcp { host, .. }) = self.route() else {
            return false;
        };
        match host.parse::<IpAddr>() {
            Ok(address) => !address.is_loopback(),
            Err(_) => host != "localhost",
        }
    }

    pub(super) fn route(&self) -> Result<Route, ConnectError> {
        let bad = || ConnectError::BadAddress {
            host: self.host.clone(),
        };
        let (scheme, rest) = self.host.split_once("://").ok_or_else(bad)?;
        let rest = rest.trim_end_matches('/');
        match (scheme, &self.tls) {
            ("unix", _) if !rest.is_empty() => Ok(Route::Unix),
            ("tcp" | "http" | "https", Some(files)) => {
                let (host, port) = host_and_port(rest).ok_or_else(bad)?;
                Ok(Route::Tls {
                    host,
                    port: port.unwrap_or(TLS_PORT),
                    files: files.clone(),
                })
            }
            ("tcp" | "http", None) => {
                let (host, _) = host_and_port(rest).ok_or_else(bad)?;
                Ok(Route::Tcp { host })
            }
            ("ssh", _) => ssh(rest).ok_or_else(bad),
            _ => Err(bad()),
        }
    }
}

/// How an engine is reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Unix,
    Tcp {
        host: String,
    },
    Tls {
        host: String,
        port: u16,
        files: TlsFiles,
    },
    Ssh {
        user: Option<String>,
        host: String,
        port: Option<u16>,
    },
}

/// `[user@]host[:port]`. Nothing in it may be an option to `ssh`.
fn ssh(text: &str) -> Option<Route> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let (host, port) = host_and_port(rest)?;
    let plain = |word: &str| !word.is_empty() && !word.starts_with('-');
    (plain(&host) && user.as_deref().is_none_or(plain)).then_some(Route::Ssh { user, host, port })
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            match rest {
                "" => (host, None),
                rest => (host, Some(rest.strip_prefix(':')?)),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() || host.contains(['/', '@']) {
        return None;
    }
    let port = port.map(str::parse).transpose().ok()?;
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(host: &str) -> Option<Route> {
        EngineAddress::plain(host).route().ok()
    }

    fn ssh(user: Option<&str>, host: &str, port: Option<u16>) -> Route {
        Route::Ssh {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn addresses_are_read() {
        assert_eq!(route("unix:///run/docker.sock"), Some(Route::Unix));
        assert_eq!(route("ssh://nas"), Some(ssh(None, "nas", None)));
        assert_eq!(
            route("ssh://me@nas:2222/"),
            Some(ssh(Some("me"), "nas", Some(2222)))
        );
        assert_eq!(route("ssh://[::1]:22"), Some(ssh(None, "::1", Some(22))));
        for bad in [
            "",
            "nas",
            "unix://",
            "ftp://nas",
            "tcp://",
            "tcp://nas:port",
            "tcp://nas:99999",
            "ssh://",
            "ssh://-oProxyCommand=x",
            "ssh://-l@nas",
            "ssh://nas/run/docker.sock",
        ] {
            assert_eq!(route(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_everybody_can_read_is_known() {
        let exposed = |host: &str| EngineAddress::plain(host).is_exposed();
        assert!(exposed("tcp://10.0.0.7:2375") && exposed("tcp://nas:2375"));
        assert!(!exposed("tcp://127.0.0.1:2375") && !exposed("tcp://[::1]:2375"));
        assert!(!exposed("tcp://localhost:2375") && !exposed("ssh://nas"));
        let secured = EngineAddress {
            tls: Some(TlsFiles {
                ca: "ca.pem".into(),
                cert: "cert.pem".into(),
                key: "key.pem".into(),
            }),
            ..EngineAddress::plain("tcp://nas")
        };
        assert!(!secured.is_exposed());
    }
}
