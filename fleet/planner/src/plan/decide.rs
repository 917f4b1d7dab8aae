//! What happens to each resource, before it is spelt out in steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::class::class;
use crate::compare::{Verdict, compare};
use crate::model::{
    Action, Blocked, Class, Desired, Field, ImageSource, ImageSpec, Kind, Life, Observed,
    Predecessor, Reason, ResourceId, Spec, TargetFacts, TargetId,
};

use super::sight::Seen;

/// What happens to one resource.
pub(super) enum Decision<'a> {
    /// Nothing: it is as it should be.
    Keep(Option<&'a Observed>),
    /// Nothing, although something would happen without the plan's options.
    LeftOut,
    /// It comes to be.
    Create,
    /// It is brought over from another target.
    Load { from: TargetId, image_id: String },
    /// It is made sure of in place.
    Ensure {
        action: Action,
        reasons: Vec<Reason>,
    },
    /// Some of its fields are changed while it lives.
    Update {
        object: &'a Observed,
        reasons: Vec<Reason>,
    },
    /// It is started.
    Start {
        object: &'a Observed,
        reasons: Vec<Reason>,
    },
    /// It took another one's place and has to prove itself.
    Confirm {
        object: &'a Observed,
        old: &'a Predecessor,
    },
    /// Another one takes its place, and it comes back when that one fails.
    Swap {
        object: &'a Observed,
        reasons: Vec<Reason>,
    },
    /// A newer incarnation is made beside it; it goes when nobody uses it any more.
    Succeed { reasons: Vec<Reason> },
    /// It is removed and made again.
    Replace {
        object: &'a Observed,
        reasons: Vec<Reason>,
    },
    /// Nothing may be done.
    Blocked(Blocked),
    /// Nothing may be done because of another resource, which is blocked by itself.
    BlockedBy { root: ResourceId, blocked: Blocked },
}

pub(super) type Decisions<'a> = BTreeMap<ResourceId, Decision<'a>>;

/// What a decision depends on besides the resource itself.
pub(super) struct Circumstances<'a> {
    /// What was learnt about the target.
    pub(super) facts: &'a TargetFacts,
    /// Images that another target has, by reference.
    pub(super) elsewhere: &'a BTreeMap<String, (TargetId, String)>,
    /// What the operator wants made again.
    pub(super) replace: &'a BTreeSet<ResourceId>,
}

/// Judges one resource by itself. `superseded` is an earlier incarnation of it, if there is one.
pub(super) fn judge<'a>(
    desired: &Desired,
    seen: Seen<'a>,
    superseded: Option<&Observed>,
    around: &Circumstances<'_>,
) -> Decision<'a> {
    match seen {
        Seen::Unclear(blocked) => Decision::Blocked(blocked),
        Seen::Absent => match superseded.map(|old| compare(desired, old)) {
            Some(Verdict::Differs(reasons)) => Decision::Succeed { reasons },
            Some(
                Verdict::Satisfied
                | Verdict::Stopped(_)
                | Verdict::Incomplete(_)
                | Verdict::Dormant(_),
            )
            | None => absent(desired, around.elsewhere),
        },
        Seen::Ours(object) => {
            if let Spec::Image(image) = &desired.spec
                && let Some(blocked) = wrong_architecture(image, object, around.facts)
            {
                return Decision::Blocked(blocked);
            }
            let decision = renamed(desired, object, present(desired, object));
            if around.replace.contains(&desired.id) {
                requested(desired, object, decision)
            } else {
                decision
            }
        }
    }
}

fn absent(
    desired: &Desired,
    elsewhere: &BTreeMap<String, (TargetId, String)>,
) -> Decision<'static> {
    match &desired.spec {
        Spec::Role(_) => Decision::Ensure {
            action: Action::Create,
            reasons: vec![Reason::Missing],
        },
        Spec::Image(image) => missing_image(image, elsewhere),
        Spec::Network(_)
        | Spec::Volume(_)
        | Spec::Files(_)
        | Spec::Container(_)
        | Spec::Process(_) => Decision::Create,
    }
}

fn missing_image(
    image: &ImageSpec,
    elsewhere: &BTreeMap<String, (TargetId, String)>,
) -> Decision<'static> {
    match image.source {
        ImageSource::Registry => Decision::Create,
        ImageSource::Built => match elsewhere.get(&image.reference) {
            Some((from, image_id)) => Decision::Load {
                from: from.clone(),
                image_id: image_id.clone(),
            },
            None => Decision::Blocked(Blocked {
                why: format!("the image `{}` is not there", image.reference),
                fix: "run `rivetos build`".to_owned(),
            }),
        },
        ImageSource::Program => Decision::Blocked(Blocked {
            why: format!("the program `{}` is not there", image.reference),
            fix: "run `rivetos build`, or name the program with `--agent-bin`".to_owned(),
        }),
    }
}

fn present<'a>(desired: &Desired, object: &'a Observed) -> Decision<'a> {
    let verdict = compare(desired, object);
    if let Some(old) = &object.predecessor
        && matches!(verdict, Verdict::Satisfied | Verdict::Stopped(_))
    {
        return Decision::Confirm { object, old };
    }
    let reasons = match verdict {
        Verdict::Satisfied => return Decision::Keep(Some(object)),
        Verdict::Stopped(detail) => {
            return Decision::Start {
                object,
                reasons: vec![Reason::NotRunning { detail }],
            };
        }
        Verdict::Dormant(detail) => {
            return Decision::Ensure {
                action: Action::Update,
                reasons: vec![Reason::Dormant { detail }],
            };
        }
        Verdict::Incomplete(detail) => {
            let reasons = vec![Reason::Incomplete { detail }];
            return made_again(desired, object, reasons);
        }
        Verdict::Differs(reasons) => reasons,
    };
    let strongest = reasons
        .iter()
        .filter_map(Reason::change)
        .map(|change| change.class)
        .max()
        .unwrap_or_else(|| class(&desired.spec, "spec"));
    match strongest {
        Class::Meta => Decision::Ensure {
            action: Action::Update,
            reasons,
        },
        // What is not confirmed yet is not worth an update: its successor takes its place.
        Class::Live if object.predecessor.is_none() => in_place(desired, object, reasons),
        Class::Live | Class::Restart | Class::Recreate => {
            if matches!(desired.spec, Spec::Container(_)) {
                Decision::Swap { object, reasons }
            } else {
                Decision::Replace { object, reasons }
            }
        }
        Class::Replace => Decision::Blocked(loses_data(object)),
    }
}

fn in_place<'a>(desired: &Desired, object: &'a Observed, mut reasons: Vec<Reason>) -> Decision<'a> {
    match &desired.spec {
        Spec::Container(_) => {
            // One that does not run is started too.
            if let Life::Stopped(detail) = &object.life {
                let detail = detail.clone();
                reasons.push(Reason::NotRunning { detail });
            }
            Decision::Update { object, reasons }
        }
        Spec::Role(_)
        | Spec::Network(_)
        | Spec::Volume(_)
        | Spec::Files(_)
        | Spec::Image(_)
        | Spec::Process(_) => Decision::Ensure {
            action: Action::Update,
            reasons,
        },
    }
}

/// What was never finished, or what the operator wants anew.
fn made_again<'a>(desired: &Desired, object: &'a Observed, reasons: Vec<Reason>) -> Decision<'a> {
    match &desired.spec {
        Spec::Role(_) => Decision::Ensure {
            action: Action::Update,
            reasons,
        },
        Spec::Volume(_) => Decision::Blocked(loses_data(object)),
        Spec::Network(_)
        | Spec::Files(_)
        | Spec::Image(_)
        | Spec::Container(_)
        | Spec::Process(_) => Decision::Replace { object, reasons },
    }
}

/// Says of an object that bears another address why it changes.
fn renamed<'a>(desired: &Desired, object: &Observed, mut decision: Decision<'a>) -> Decision<'a> {
    if object.id != desired.id
        && let Decision::Ensure { reasons, .. }
        | Decision::Update { reasons, .. }
        | Decision::Swap { reasons, .. }
        | Decision::Replace { reasons, .. } = &mut decision
    {
        let was = object.id.clone();
        reasons.insert(0, Reason::Renamed { was });
    }
    decision
}

/// What becomes of a resource that the operator wants made again.
fn requested<'a>(desired: &Desired, object: &'a Observed, decision: Decision<'a>) -> Decision<'a> {
    let reasons = vec![Reason::Requested];
    match decision {
        Decision::Keep(_) | Decision::Update { .. } | Decision::Start { .. } => {
            if matches!(desired.spec, Spec::Container(_)) {
                Decision::Swap { object, reasons }
            } else {
                made_again(desired, object, reasons)
            }
        }
        Decision::LeftOut
        | Decision::Create
        | Decision::Load { .. }
        | Decision::Ensure { .. }
        | Decision::Confirm { .. }
        | Decision::Swap { .. }
        | Decision::Succeed { .. }
        | Decision::Replace { .. }
        | Decision::Blocked(_)
        | Decision::BlockedBy { .. } => decision,
    }
}

fn loses_data(object: &Observed) -> Blocked {
    Blocked {
        why: format!(
            "`{}` is not as it should be and making it again would lose its data",
            object.native_name
        ),
        fix: "copy the data, remove it by hand, run this again, copy the data back".to_owned(),
    }
}

fn wrong_architecture(
    image: &ImageSpec,
    object: &Observed,
    facts: &TargetFacts,
) -> Option<Blocked> {
    let target = facts.architecture.as_ref()?;
    match object.fields.get("architecture")? {
        Field::Text(found) if found != target => Some(Blocked {
            why: format!(
                "the image `{}` is for {found} and the engine runs on {target}",
                image.reference
            ),
            fix: format!("build or pull it for {target}"),
        }),
        Field::Text(_) | Field::Keyed(_) | Field::Unknown => None,
    }
}

impl Decision<'_> {
    /// Whether nothing may be done.
    pub(super) fn is_blocked(&self) -> bool {
        matches!(self, Self::Blocked(_) | Self::BlockedBy { .. })
    }

    /// Whether an object is made that was not there before.
    pub(super) fn makes_anew(&self) -> bool {
        matches!(
            self,
            Self::Create | Self::Succeed { .. } | Self::Swap { .. } | Self::Replace { .. }
        )
    }
}

pub(super) fn absent_again(desired: &Desired) -> Decision<'static> {
    absent(desired, &BTreeMap::new())
}

/// How an object of such a kind is made again for another's sake.
pub(super) enum Making {
    /// By statements that change nothing that is so already.
    InPlace,
    /// By removing it first.
    Anew,
    /// Not at all: it keeps data, or is compared by itself.
    Never,
}

pub(super) fn making(kind: Kind) -> Making {
    match kind {
        Kind::Role => Making::InPlace,
        Kind::Network | Kind::Config | Kind::Secret | Kind::Datahub | Kind::Agent => Making::Anew,
        Kind::Volume | Kind::Image => Making::Never,
    }
}
