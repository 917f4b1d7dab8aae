//! Whether the process that holds a lock is still there.

use std::fs;

use rivetos_fleet::port::Holder;

/// What can be said of a holder's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It runs on this host.
    Here,
    /// It ran on this host and has ended.
    Ended,
    /// It is on another host, or nobody can say.
    Elsewhere,
}

/// What tells this process from every other one: the boot of the host, the name space of its
/// number, and when it started. `None` where the system does not say.
pub(super) fn own() -> Option<String> {
    let started = started(std::process::id())?;
    Some(format!("{} {started}", host()?))
}

/// Where the process of `holder` is.
pub(super) fn whereabouts(holder: &Holder) -> Whereabouts {
    let marks = holder.process.as_deref().and_then(|process| {
        let (theirs, started) = process.rsplit_once(' ')?;
        (theirs == host()?).then_some(started)
    });
    match marks {
        None => Whereabouts::Elsewhere,
        Some(then) if started(holder.pid).as_deref() == Some(then) => Whereabouts::Here,
        Some(_) => Whereabouts::Ended,
    }
}

/// Where a process number means one process.
fn host() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), space.display()))
}

/// When the process started, in ticks since the boot; `None` when there is none, or when it has
/// ended and its parent has not noticed.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may hold anything, also brackets and blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18).map(str::to_owned)
}
