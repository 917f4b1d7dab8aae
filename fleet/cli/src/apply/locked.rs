//! What is done while the fleet is locked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rivetos_engine::{Claim, Lease, LeaseError, LeaseNotice, Terms};
use rivetos_fleet::{PlanOptions, plan};

use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Printer};
use crate::person;
use crate::targets::Targets;

impl Edge for LeaseError {
    fn exit(&self) -> Exit {
        Self::exit(self)
    }

    fn hints(&self) -> Vec<String> {
        Self::hints(self)
    }
}

/// After a run was killed an engine may still work off what that run asked for, and things half
/// made are there that nothing marks as such yet. It is done with that when everything was the
/// same for so long.
const STILL: Duration = Duration::from_secs(4);
/// How often that is looked at before the work is begun all the same: somebody else may change
/// things for ever.
const LOOKS_MAX: usize = 15;

/// Does `work` while the fleet's lock is this run's, and gives the lock back however it ends.
pub(crate) async fn locked<T>(
    (fleet, targets): (&Fleet, &Targets),
    operation: &str,
    printer: Printer,
    work: impl AsyncFnOnce(&Lease) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let claim = Claim {
        fleet: fleet.spec.fleet().clone(),
        who: person::name(),
        host: person::host(),
        operation: operation.to_owned(),
        terms: Terms::default(),
    };
    let taken_over = AtomicBool::new(false);
    let notice = |notice: &LeaseNotice<'_>| {
        if matches!(notice, LeaseNotice::TakenOver { .. }) {
            taken_over.store(true, Ordering::Relaxed);
        }
        tell(notice, printer);
    };
    let lease = Lease::take(targets.locks(), &claim, &notice).await?;
    if taken_over.load(Ordering::Relaxed) {
        stand_still(fleet, targets).await;
    }
    let ended = work(&lease).await;
    // What the work ended with matters more.
    if let Err(error) = lease.release().await {
        printer.talk(format_args!("{} {error}", printer.err().yellow("warning:")));
    }
    ended
}

/// Waits until the targets show the same twice. What a look shows is compared by the plan that it
/// leads to, which does not depend on the order in which an engine lists things.
async fn stand_still(fleet: &Fleet, targets: &Targets) {
    let look = async || {
        let seen = targets.look(&fleet.layout).await;
        let everything = PlanOptions::default();
        plan(fleet.spec.fleet(), &fleet.layout, &seen, &everything)
    };
    let mut last = look().await;
    for _ in 0..LOOKS_MAX {
        tokio::time::sleep(STILL).await;
        let now = look().await;
        if now == last {
            return;
        }
        last = now;
    }
}

fn tell(notice: &LeaseNotice<'_>, printer: Printer) {
    match notice {
        LeaseNotice::Watching { holder, at_most } => printer.talk(format_args!(
            "the fleet is locked by `{}` of {} on {}, which gave no sign of life for long; watching \
             it for {} s",
            holder.operation,
            holder.who,
            holder.host,
            at_most.as_secs()
        )),
        LeaseNotice::TakenOver { holder } => printer.talk(format_args!(
            "took over the lock that `{}` of {} on {} (process {}) left",
            holder.operation, holder.who, holder.host, holder.pid
        )),
    }
}
