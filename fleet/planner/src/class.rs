//! What it takes to change a field of a live object: one table for each target.

use crate::model::{Class, Spec};

/// The class of `field` of such a resource.
///
/// Whoever adds a field decides here what it takes to change it.
pub(crate) fn class(spec: &Spec, field: &str) -> Class {
    match spec {
        Spec::Container(_) => container(field),
        Spec::Process(_) => process(field),
        Spec::Volume(_) => volume(field),
        // Made sure of by statements that change nothing that is so already.
        Spec::Role(_) => Class::Live,
        Spec::Network(_) | Spec::Files(_) | Spec::Image(_) => Class::Recreate,
    }
}

/// Whether the hash on a live object covers `field`. It cannot cover what changes while the object,
/// and with it the hash, stays; the hash of a role is written again with every change.
pub(crate) fn is_hashed(spec: &Spec, field: &str) -> bool {
    matches!(spec, Spec::Role(_)) || class(spec, field) > Class::Live
}

/// Docker Engine API, `ContainerUpdate` and `NetworkConnect`: what a running container takes.
/// Everything else is fixed when a container is made.
fn container(field: &str) -> Class {
    match field {
        "memory" | "cpus" | "pids" | "restart" | "network" => Class::Live,
        _ => Class::Recreate,
    }
}

/// The supervisor starts a process with what is on its record.
fn process(field: &str) -> Class {
    match field {
        "folder" => Class::Recreate,
        _ => Class::Restart,
    }
}

fn volume(field: &str) -> Class {
    match field {
        "protect" => Class::Meta,
        _ => Class::Replace,
    }
}

#[cfg(test)]
mod tests;
