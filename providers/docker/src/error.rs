//! What an engine says, in words that help.

use bollard::errors::Error;
use rivetos_fleet::port::{ApplyError, ApplyErrorKind};

/// The status with which an engine says that there is no such thing.
const NOT_FOUND: u16 = 404;
/// The status with which an engine says that a name is taken or an object is in use.
const CONFLICT: u16 = 409;

pub(crate) fn is_not_found(error: &Error) -> bool {
    has_status(error, NOT_FOUND)
}

pub(crate) fn is_conflict(error: &Error) -> bool {
    has_status(error, CONFLICT)
}

fn has_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

/// What the engine said, without the client's own words around it.
pub(crate) fn said(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::RequestTimeoutError => "the engine did not answer in time".to_owned(),
        other => other.to_string(),
    }
}

/// `Some` of an answer, `None` when there is no such object.
pub(crate) fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// That `what` failed, with advice where the cause is one that we know.
pub(crate) fn failed(what: &str, error: &Error) -> ApplyError {
    let said = said(error);
    ApplyError {
        hint: hint(&said).map(str::to_owned),
        message: format!("{what}: {said}"),
        kind: ApplyErrorKind::Failed,
    }
}

/// That nothing was done because the object is not what the plan was made for.
pub(crate) fn refused(message: String, hint: &str) -> ApplyError {
    ApplyError {
        message,
        hint: Some(hint.to_owned()),
        kind: ApplyErrorKind::Refused,
    }
}

/// That a step cannot be carried out for a reason that no call to the engine gave.
pub(crate) fn broken(message: String, hint: Option<&str>) -> ApplyError {
    ApplyError {
        message,
        hint: hint.map(str::to_owned),
        kind: ApplyErrorKind::Failed,
    }
}

/// The port that the engine could not publish, if that is what it complains about.
pub(crate) fn taken_port(said: &str) -> Option<u16> {
    let taken = said.contains("port is already allocated")
        || said.contains("address already in use")
        || said.contains("ports are not available");
    if !taken {
        return None;
    }
    // "… 127.0.0.1:5432 failed: port is …", "listen tcp4 127.0.0.1:5432: bind: address …"
    said.split(|c: char| c.is_whitespace())
        .filter_map(|word| word.trim_end_matches([':', ',']).rsplit_once(':'))
        .filter_map(|(_, port)| port.parse().ok())
        .find(|port| *port != 0)
}

fn hint(said: &str) -> Option<&'static str> {
    let lower = said.to_ascii_lowercase();
    if lower.contains("no space left on device") {
        return Some(
            "free disk space on the engine's host (`docker system df` tells what it uses), then \
             run this again",
        );
    }
    if lower.contains("no such image") || lower.contains("manifest unknown") {
        return Some("run `rivetos build`, or see that the image's name is right");
    }
    if lower.contains("pull access denied") || lower.contains("no such host") {
        return Some("see that the image's name is right and that the engine reaches its registry");
    }
    if lower.contains("volume is in use") || lower.contains("has active endpoints") {
        return Some("a container outside the fleet uses it: remove that one first");
    }
    if lower.contains("permission denied") {
        return Some("see that you may use the engine's socket");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::taken_port;

    #[test]
    fn a_taken_port_is_named() {
        let allocated = "driver failed programming external connectivity on endpoint x \
                         (0123abcd): Bind for 127.0.0.1:5432 failed: port is already allocated";
        let in_use = "driver failed programming external connectivity on endpoint x (0123abcd): \
                      Error starting userland proxy: listen tcp4 127.0.0.1:15432: bind: address \
                      already in use";
        assert_eq!(taken_port(allocated), Some(5432));
        assert_eq!(taken_port(in_use), Some(15432));
        assert_eq!(taken_port("No such image: a:1"), None);
    }
}
