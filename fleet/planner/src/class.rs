//! What it takes to change a field of a live object.

use crate::model::Spec;

/// What it takes to change a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// The object is made sure of in place.
    InPlace,
    /// The object is removed and made again; nothing is lost.
    Recreate,
    /// It cannot be changed without losing data.
    DataLoss,
}

/// The class of every field of such a resource on container engines and on the local target,
/// where no field of an object can be changed without making it again.
pub(crate) fn class(spec: &Spec) -> Class {
    match spec {
        Spec::Role(_) => Class::InPlace,
        Spec::Network(_)
        | Spec::Files(_)
        | Spec::Image(_)
        | Spec::Container(_)
        | Spec::Process(_) => Class::Recreate,
        Spec::Volume(_) => Class::DataLoss,
    }
}
