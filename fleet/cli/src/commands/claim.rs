//! `rivetos infra adopt` and `rivetos infra forget`: whose an object is.

use rivetos_engine::{Event, Events, Lease};
use rivetos_fleet::model::{DesiredSet, Inventories, Observed, Plan, ResourceId, TargetId};
use rivetos_fleet::port::ApplyError;
use rivetos_fleet::{Approval, ClaimError, plan_adopt, plan_forget};
use thiserror::Error;

use super::preview;
use crate::apply::{Outcome, Run, locked};
use crate::consent;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Printer};
use crate::settings::Globals;
use crate::targets::Targets;

/// What is to become of an object.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// It becomes the fleet's as it is.
    Adopt {
        /// How the target calls it.
        native: String,
    },
    /// It becomes nobody's as it is.
    Forget,
}

impl Change {
    /// The name of this operation in locks and journals.
    fn operation(&self) -> &'static str {
        match self {
            Self::Adopt { .. } => "infra adopt",
            Self::Forget => "infra forget",
        }
    }
}

/// Why nothing was changed.
#[derive(Debug, Error)]
enum Refused {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error("there is no `{0}`")]
    NoSuchObject(String),
    #[error("{0} cannot be seen: {1}")]
    Unseen(TargetId, String),
    #[error("looking for `{native}` failed")]
    LookUp {
        native: String,
        #[source]
        source: ApplyError,
    },
}

impl Edge for Refused {
    fn exit(&self) -> Exit {
        match self {
            Self::Claim(_) | Self::NoSuchObject(_) => Exit::Usage,
            Self::Unseen(..) | Self::LookUp { .. } => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Claim(ClaimError::NotDesired(_)) => {
                vec!["write it into the configuration first".to_owned()]
            }
            Self::Claim(ClaimError::Occupied { id, .. }) => {
                vec![format!("`rivetos infra forget {id}` gives that one up")]
            }
            Self::NoSuchObject(_) => {
                vec!["give its name or id as the target tells it, or the path of the folder".into()]
            }
            Self::Claim(
                ClaimError::WrongKind(_) | ClaimError::Owned { .. } | ClaimError::Nothing(_),
            )
            | Self::Unseen(..)
            | Self::LookUp { .. } => Vec::new(),
        }
    }
}

/// Changes whose the object at an address is.
pub(crate) async fn run(
    globals: &Globals,
    (id, change): (&ResourceId, &Change),
    printer: Printer,
) -> Result<Exit, Failure> {
    let mut fleet = Fleet::load_without_secrets(globals, printer)?;
    let targets = fleet.targets(printer).await?;
    let scope = (&fleet, &targets);
    locked(scope, change.operation(), printer, async |lease: &Lease| {
        let seen = targets.look(&fleet.layout).await;
        let plan = plan(&fleet, (&targets, &seen), (id, change)).await?;
        preview::show_in_run(&plan, printer);
        consent::agree(globals.consent, "Do you want this?", printer)?;
        let plan = plan.approve(Approval::Yes)?;
        let run = Run::begin((&fleet, &targets), change.operation(), plan, printer)?;
        let sink = |event: &Event| run.progress.show(event);
        let ended = run.carry_out((&targets, lease), &Events::new(&sink)).await;
        let exit = match &ended {
            Ok(Outcome::Complete) => Exit::Ok,
            Ok(Outcome::Incomplete(exit)) => *exit,
            Err(failure) => failure.exit(),
        };
        run.end(exit).await;
        ended.map(|_| exit)
    })
    .await
}

async fn plan(
    fleet: &Fleet,
    (targets, seen): (&Targets, &Inventories),
    (id, change): (&ResourceId, &Change),
) -> Result<Plan, Refused> {
    match change {
        Change::Adopt { native } => {
            let wants = |set: &DesiredSet| set.resources.contains_key(id);
            let mut homes = fleet.layout.iter();
            let (target, _) = homes
                .find(|(_, set)| wants(set))
                .ok_or_else(|| ClaimError::NotDesired(id.clone()))?;
            let present = present(seen, target)?;
            let found = targets.look_up(target, id, native).await;
            let object = found
                .map_err(|source| Refused::LookUp {
                    native: native.clone(),
                    source,
                })?
                .ok_or_else(|| Refused::NoSuchObject(native.clone()))?;
            Ok(plan_adopt(&fleet.layout, (target, id), present, &object)?)
        }
        Change::Forget => {
            let mut last = ClaimError::Nothing(id.clone());
            for target in fleet.layout.keys() {
                match plan_forget(&fleet.layout, (target, id), present(seen, target)?) {
                    Ok(plan) => return Ok(plan),
                    Err(error) => last = error,
                }
            }
            Err(last.into())
        }
    }
}

/// What is on a target that was seen as a whole.
fn present<'a>(seen: &'a Inventories, target: &TargetId) -> Result<&'a [Observed], Refused> {
    let unseen = |why: &str| Refused::Unseen(target.clone(), why.to_owned());
    let inventory = seen
        .get(target)
        .ok_or_else(|| unseen("it was not looked at"))?;
    match inventory.errors.first() {
        None => Ok(&inventory.observed),
        Some(error) => Err(unseen(&error.message)),
    }
}
