//! Which logins are there.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::ContainerInspectResponse;
use rivetos_fleet::model::{
    Desired, DesiredSet, ErrorScope, FarSecret, Field, Fields, Fingerprint, Inventory,
    InventoryError, Kind, Life, Observed, Owner, Protection, ResourceId, RoleSpec, Spec, SpecHash,
    Uid,
};

use super::postgres::{LiveRole, Mark, Postgres, QueryError};
use crate::DockerProvider;

/// The database to ask when no role says which.
const ANY_DATABASE: &str = "postgres";

/// What the look at the containers and volumes told.
pub(crate) struct Scene {
    /// The datahub's container, if it runs.
    pub(crate) datahub: Option<ContainerInspectResponse>,
    /// What tells each volume of the fleet from its predecessors, by name.
    pub(crate) incarnations: BTreeMap<String, String>,
    /// Left-over containers, with what they were made for.
    pub(crate) carriers: BTreeMap<String, ResourceId>,
}

/// Adds the logins of the fleet's datahub, and every other login that bears a wanted name.
pub(crate) async fn observe(
    provider: &DockerProvider,
    desired: &DesiredSet,
    scene: Scene,
    inventory: &mut Inventory,
) {
    let wanted: BTreeMap<&str, (&Desired, &RoleSpec)> = desired
        .resources
        .values()
        .filter_map(|resource| match &resource.spec {
            Spec::Role(role) => Some((role.role.as_str(), (resource, role))),
            Spec::Network(_)
            | Spec::Volume(_)
            | Spec::Files(_)
            | Spec::Image(_)
            | Spec::Container(_)
            | Spec::Process(_) => None,
        })
        .collect();
    let Some(live) = &scene.datahub else {
        dormant(&wanted, "the datahub does not run", inventory);
        return;
    };
    let database = wanted
        .values()
        .next()
        .map_or(ANY_DATABASE, |(_, role)| &role.database);
    let postgres = Postgres::of(&provider.engine.docker, live);
    match postgres.roles(database).await {
        Ok(roles) => {
            let datahub = live
                .name
                .as_deref()
                .unwrap_or_default()
                .trim_start_matches('/');
            let place = Place {
                provider,
                datahub,
                database,
                scene: &scene,
            };
            inventory
                .observed
                .extend(roles.iter().filter_map(|role| place.seen(role, &wanted)));
        }
        Err(QueryError::NotReady(_)) => {
            dormant(&wanted, "the datahub takes no connections yet", inventory);
        }
        Err(QueryError::Failed(cause)) => inventory.errors.push(InventoryError {
            scope: ErrorScope::Kind(Kind::Role),
            message: format!("asking the datahub for its logins failed: {cause}"),
        }),
    }
}

fn dormant(wanted: &BTreeMap<&str, (&Desired, &RoleSpec)>, why: &str, inventory: &mut Inventory) {
    inventory
        .observed
        .extend(wanted.iter().map(|(name, (resource, role))| Observed {
            id: resource.id.clone(),
            uid: Some(resource.uid.clone()),
            native_id: native_id(&role.datahub, name),
            native_name: (*name).to_owned(),
            owner: Owner::Ours,
            spec_hash: None,
            fields: Fields::new(),
            life: Life::Dormant(why.to_owned()),
            born: Fields::new(),
            predecessor: None,
            protection: Protection::None,
            fingerprint: Fingerprint::default(),
        }));
}

struct Place<'a> {
    provider: &'a DockerProvider,
    datahub: &'a str,
    database: &'a str,
    scene: &'a Scene,
}

impl Place<'_> {
    fn seen(
        &self,
        live: &LiveRole,
        wanted: &BTreeMap<&str, (&Desired, &RoleSpec)>,
    ) -> Option<Observed> {
        let wanted = wanted.get(live.role.as_str());
        let mark = live.mark();
        let owner = owner(mark.as_ref(), self.provider);
        let addr: Option<ResourceId> = match owner {
            Owner::Ours => mark.as_ref().and_then(|mark| mark.addr.parse().ok()),
            Owner::OtherFleet(_) | Owner::Foreign => None,
        };
        let id = addr.or_else(|| wanted.map(|(resource, _)| resource.id.clone()))?;
        let fields = wanted.map(|(_, role)| self.fields(live, role, mark.as_ref()));
        Some(Observed {
            life: self.life(live, &id),
            id,
            uid: mark.as_ref().map(|mark| Uid(mark.uid.clone())),
            native_id: native_id(self.datahub, &live.role),
            native_name: live.role.clone(),
            owner,
            spec_hash: mark.as_ref().map(|mark| SpecHash(mark.spec_hash.clone())),
            fields: fields.unwrap_or_default(),
            born: Fields::new(),
            predecessor: None,
            protection: Protection::None,
            fingerprint: Fingerprint(native_id(self.datahub, &live.role)),
        })
    }

    /// What the server does not tell is as it was when the mark was written; that the
    /// specification changed since is told by its hash.
    fn fields(&self, live: &LiveRole, role: &RoleSpec, mark: Option<&Mark>) -> Fields {
        let mut fields = Spec::Role(RoleSpec {
            datahub: self.datahub.to_owned(),
            database: self.database.to_owned(),
            role: live.role.clone(),
            far: role.far.as_ref().map(|far| FarSecret {
                target: far.target.clone(),
                made: mark.map(|mark| Fingerprint(mark.secret.clone())),
            }),
            ..role.clone()
        })
        .fields();
        if role.far.is_some() {
            return fields;
        }
        // The volume that the password came from: the wanted one, or one of the same secret with
        // other content or with a name of earlier versions. Dates, which stand in for incarnations
        // that we did not make, may be shared by volumes of several secrets.
        let wanted = role.secret_native_name.as_str();
        let secret = wanted.rsplit_once('-').map_or(wanted, |(secret, _)| secret);
        let volumes = self.scene.incarnations.iter();
        let from = volumes
            .filter(|(name, _)| name.starts_with(secret))
            .filter(|(_, made)| mark.is_some_and(|mark| mark.secret == **made))
            .map(|(name, _)| name.as_str())
            .max_by_key(|name| *name == wanted);
        let from = from.map_or_else(|| format!("{wanted} as it was before"), str::to_owned);
        fields.insert("secret".to_owned(), Field::text(from));
        fields
    }

    fn life(&self, live: &LiveRole, id: &ResourceId) -> Life {
        let mut missing = BTreeSet::new();
        if !live.can_login {
            missing.insert("it may not log in".to_owned());
        }
        if !live.has_schema {
            missing.insert("it has no schema of its own".to_owned());
        }
        let mut carriers = self.scene.carriers.iter();
        if let Some((carrier, _)) = carriers.find(|(_, made_for)| *made_for == id) {
            missing.insert(format!("`{carrier}` is still there"));
        }
        if missing.is_empty() {
            Life::Present
        } else {
            Life::Incomplete(missing.into_iter().collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whose a login is, by its comment.
pub(super) fn owner(mark: Option<&Mark>, provider: &DockerProvider) -> Owner {
    match mark {
        Some(mark) if mark.fleet == provider.fleet.to_string() => Owner::Ours,
        Some(mark) => match mark.fleet.parse() {
            Ok(fleet) => Owner::OtherFleet(fleet),
            Err(_) => Owner::Foreign,
        },
        None => Owner::Foreign,
    }
}

fn native_id(datahub: &str, role: &str) -> String {
    format!("{datahub}/{role}")
}
