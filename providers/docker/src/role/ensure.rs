//! Makes sure of a login.

use std::collections::BTreeMap;

use bollard::models::ContainerInspectResponse;
use rivetos_fleet::model::{Desired, Owner, RoleSpec};
use rivetos_fleet::port::{Applied, ApplyError};

use super::observe::owner;
use super::postgres::{Mark, Postgres, QueryError};
use super::sql;
use crate::DockerProvider;
use crate::apply::{Errand, incarnation, must_be_ours, must_belong, read_files};
use crate::error::{broken, failed, found, refused};

/// Makes sure that the login is there, has its schema and takes the password of its secret.
pub(crate) async fn ensure(
    provider: &DockerProvider,
    desired: &Desired,
    role: &RoleSpec,
) -> Result<Applied, ApplyError> {
    let datahub = running_datahub(provider, role).await?;
    let (password, incarnation) = password(provider, desired, role, &datahub).await?;
    let postgres = Postgres::of(&provider.engine.docker, &datahub);
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
        secret: incarnation,
    };
    let text = sql::ensure(&role.role, &role.database, password.trim_end(), &mark);
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

/// The password and the incarnation of the secret that it comes from.
async fn password(
    provider: &DockerProvider,
    desired: &Desired,
    role: &RoleSpec,
    datahub: &ContainerInspectResponse,
) -> Result<(String, String), ApplyError> {
    let name = &role.secret_native_name;
    // A carrier for a volume that is not there would make it.
    let volume = found(provider.engine.docker.inspect_volume(name).await)
        .map_err(|error| failed(&format!("looking at volume `{name}`"), &error))?
        .ok_or_else(|| broken(format!("there is no volume `{name}`"), None))?;
    must_belong(&provider.fleet, &role.secret, name, &volume.labels)?;
    let errand = Errand {
        resource: &desired.id,
        image: datahub.image.as_deref().unwrap_or_default(),
        volume: name,
        labels: BTreeMap::new(),
    };
    let file = role.password_file.as_str();
    let mut contents = read_files(provider, &errand, &[file]).await?;
    let password = contents
        .remove(file)
        .ok_or_else(|| broken(format!("`{name}` has no `{file}`"), None))?;
    Ok((password.expose().clone(), incarnation(&volume)))
}
