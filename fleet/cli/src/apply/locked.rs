//! What is done while the fleet is locked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rivetos_engine::{Claim, Lease, LeaseError, LeaseNotice, Terms};
use rivetos_fleet::FleetId;

use crate::exit::Exit;
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

/// How long after a run was killed an engine may still work off what that run asked for. Looking
/// earlier would show things half made that nothing marks as such yet.
const SETTLE: Duration = Duration::from_secs(4);

/// Does `work` while the fleet's lock is this run's, and gives the lock back however it ends.
pub(crate) async fn locked<T>(
    (fleet, targets): (&FleetId, &Targets),
    operation: &str,
    printer: Printer,
    work: impl AsyncFnOnce(&Lease) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let claim = Claim {
        fleet: fleet.clone(),
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
        tokio::time::sleep(SETTLE).await;
    }
    let ended = work(&lease).await;
    // What the work ended with matters more.
    if let Err(error) = lease.release().await {
        printer.talk(format_args!("{} {error}", printer.err().yellow("warning:")));
    }
    ended
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
