//! The password of a login that is made elsewhere.

use std::fs;
use std::path::Path;

use rivetos_fleet::Secret;
use rivetos_fleet::label::Identity;
use rivetos_fleet::model::{Desired, Owner, RoleSpec};
use rivetos_fleet::port::{ApplyError, ApplyErrorKind, Password};

use super::{failed, refused};
use crate::folder::{self, Found};
use crate::provider::LocalSettings;

/// Reads it from the folder of its secret, which must be ours.
pub(crate) fn password(
    settings: &LocalSettings,
    desired: &Desired,
    role: &RoleSpec,
) -> Result<Password, ApplyError> {
    let path = Path::new(&role.secret_native_name);
    let read = |error| failed("read", path, &error);
    let Found::Labelled {
        labels,
        fingerprint,
    } = folder::look(path).map_err(read)?
    else {
        return Err(ApplyError {
            message: format!(
                "{} needs `{}`, which is not there",
                desired.id,
                path.display()
            ),
            hint: None,
            kind: ApplyErrorKind::Failed,
        });
    };
    let identity = Identity::from_labels(&labels, &settings.fleet);
    if identity.owner != Owner::Ours || identity.id.as_ref() != Some(&role.secret) {
        return Err(refused(path, &format!("is not {}", role.secret)));
    }
    let file = folder::inside(path, &role.password_file).map_err(read)?;
    let text = fs::read_to_string(&file).map_err(|error| failed("read", &file, &error))?;
    Ok(Password {
        text: Secret::new(text),
        made: fingerprint.0,
    })
}
