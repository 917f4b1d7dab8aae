//! A login that was made elsewhere becomes a program's own, once.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rivetos_model_anthropic::login::{Adopted, LoginError, adopt, valid_until};
use tempfile::tempdir;

fn tokens(name: &str) -> String {
    format!(
        "{{\"access_token\":\"canary-{name}\",\"refresh_token\":\"canary-{name}\",\
         \"expires_at_ms\":4102444800000}}"
    )
}

#[test]
fn a_login_is_taken_over_once() {
    let folder = tempdir().unwrap();
    let (written, own) = (
        folder.path().join("login"),
        folder.path().join("data/tokens"),
    );
    assert_eq!(
        adopt(&written, &own).unwrap(),
        Adopted::Known,
        "there is none yet"
    );
    fs::write(&written, tokens("1")).unwrap();
    assert_eq!(adopt(&written, &own).unwrap(), Adopted::New);
    assert_eq!(fs::read_to_string(&own).unwrap(), tokens("1"));
    assert_eq!(
        fs::metadata(&own).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // Renewed since: older tokens do not come back.
    fs::write(&own, tokens("renewed")).unwrap();
    assert_eq!(adopt(&written, &own).unwrap(), Adopted::Known);
    assert_eq!(fs::read_to_string(&own).unwrap(), tokens("renewed"));
    // Somebody has logged in anew.
    fs::write(&written, tokens("2")).unwrap();
    assert_eq!(adopt(&written, &own).unwrap(), Adopted::New);
    assert_eq!(fs::read_to_string(&own).unwrap(), tokens("2"));
    // Lost data begins with what there is.
    fs::remove_file(&own).unwrap();
    assert_eq!(adopt(&written, &own).unwrap(), Adopted::New);
    assert!(valid_until(&own).is_ok());
}

#[test]
fn what_are_no_tokens_replaces_none() {
    let folder = tempdir().unwrap();
    let (written, own) = (folder.path().join("login"), folder.path().join("tokens"));
    fs::write(&written, tokens("1")).unwrap();
    adopt(&written, &own).unwrap();
    fs::write(&written, "canary-half").unwrap();
    let error = adopt(&written, &own).unwrap_err();
    assert!(matches!(error, LoginError::NotTokens(_)), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
    assert_eq!(fs::read_to_string(&own).unwrap(), tokens("1"));
}
