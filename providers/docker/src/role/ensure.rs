//! Makes sure of a login, and hands out the password of one that is made on another engine.

use std::collections::BTreeMap;

use bollard::models::{ContainerInspectResponse, Volume};
use rivetos_fleet::Secret;
use rivetos_fleet::model::{Desired, Owner, RoleSpec};
use rivetos_fleet::port::{Applied, ApplyError, Password};

use super::observe::owner;
use super::postgres::{Mark, Postgres, QueryError};
use super::sql;
use crate::DockerProvider;
use crate::apply::{
    Errand, incarnation, must_be_ours, must_belong, read_files, volume_fingerprint,
};
use crate::error::{broken, failed, found, refused};
use crate::image::{EMPTY_IMAGE, ensure_empty_image};

impl DockerProvider {
    /// The password of the login `desired`, whose secret is on this engine.
    pub async fn password(
        &self,
        desired: &Desired,
        role: &RoleSpec,
    ) -> Result<Password, ApplyError> {
        let docker = &self.engine.docker;
        let image = ensure_empty_image(docker).await;
        image.map_err(|error| failed("making the empty image", &error))?;
        let (text, volume) = read_password(self, desired, role, EMPTY_IMAGE).await?;
        let made = volume_fingerprint(&volume).0;
        Ok(Password { text, made })
    }

    /// Makes sure that the login `desired` is there and takes `password`, whose secret is on
    /// another target.
    pub async fn ensure_role(
        &self,
        desired: &Desired,
        role: &RoleSpec,
        password: Password,
    ) -> Result<Applied, ApplyError> {
        let datahub = running_datahub(self, role).await?;
        make(self, (desired, role), &datahub, password).await
    }
}

/// Makes sure that the login is there, has its schema and takes the password of its secret.
pub(crate) async fn ensure(
    provider: &DockerProvider,
    desired: &Desired,
    role: &RoleSpec,
) -> Result<Applied, ApplyError> {
    if let Some(far) = &role.far {
        return Err(broken(
            format!("the password of {} is on {}", desired.id, far.target),
            None,
        ));
    }
    let datahub = running_datahub(provider, role).await?;
    let image = datahub.image.as_deref().unwrap_or_default();
    let (text, volume) = read_password(provider, desired, role, image).await?;
    let made = incarnation(&volume);
    make(provider, (desired, role), &datahub, Password { text, made }).await
}

async fn make(
    provider: &DockerProvider,
    (desired, role): (&Desired, &RoleSpec),
    datahub: &ContainerInspectResponse,
    password: Password,
) -> Result<Applied, ApplyError> {
    let postgres = Postgres::of(&provider.engine.docker, datahub);
    let fail = |error: QueryError| match error {
        QueryError::NotReady(cause) | QueryError::Failed(cause) => broken(
            format!(
                "making login `{}` in `{}`: {cause}",
                role.role, role.datahub
            ),
            Some("the datahub's log may tell more"),
        ),
    };
    postgres.wait_until_ready().await.map_err(fail)?;

    let roles = postgres.roles(&role.database).await.map_err(fail)?;
    let taken = roles
        .iter()
        .find(|live| live.role == role.role)
        .is_some_and(|live| owner(live.mark().as_ref(), provider) != Owner::Ours);
    if taken {
        return Err(refused(
            format!(
                "login `{}` is there and not this fleet's; nothing was done",
                role.role
            ),
            "rename or drop it",
        ));
    }
    let mark = Mark {
        fleet: provider.fleet.to_string(),
        addr: desired.id.to_string(),
        uid: desired.uid.to_string(),
        spec_hash: desired.spec.hash().to_string(),
        secret: password.made,
    };
    let text = password.text.expose().trim_end();
    let text = sql::ensure(&role.role, &role.database, text, &mark);
    postgres.query(&role.database, &text).await.map_err(fail)?;
    Ok(Applied::Changed)
}

async fn running_datahub(
    provider: &DockerProvider,
    role: &RoleSpec,
) -> Result<ContainerInspectResponse, ApplyError> {
    let name = &role.datahub;
    let live = found(provider.engine.docker.inspect_container(name, None).await)
        .map_err(|error| failed(&format!("looking at container `{name}`"), &error))?
        .ok_or_else(|| broken(format!("there is no container `{name}`"), None))?;
    let labels = live
        .config
        .as_ref()
        .and_then(|config| config.labels.clone());
    must_be_ours(&provider.fleet, name, &labels.unwrap_or_default())?;
    Ok(live)
}

/// The password and the volume that it comes from, read through a container of `image`.
async fn read_password(
    provider: &DockerProvider,
    desired: &Desired,
    role: &RoleSpec,
    image: &str,
) -> Result<(Secret<String>, Volume), ApplyError> {
    let name = &role.secret_native_name;
    // A carrier for a volume that is not there would make it.
    let volume = found(provider.engine.docker.inspect_volume(name).await)
        .map_err(|error| failed(&format!("looking at volume `{name}`"), &error))?
        .ok_or_else(|| broken(format!("there is no volume `{name}`"), None))?;
    must_belong(&provider.fleet, &role.secret, name, &volume.labels)?;
    let errand = Errand {
        resource: &desired.id,
        image,
        volume: name,
        labels: BTreeMap::new(),
    };
    let file = role.password_file.as_str();
    let mut contents = read_files(provider, &errand, &[file]).await?;
    let password = contents
        .remove(file)
        .ok_or_else(|| broken(format!("`{name}` has no `{file}`"), None))?;
    Ok((password, volume))
}
