//! A plan as data for programs: a shape of its own, so that the planner's types can change.

use std::collections::BTreeMap;

use rivetos_fleet::model::{Action, Class, Cost, Field, Op, Plan, Privilege, Reason, Risk, Step};
use serde::Serialize;

/// Version of the shape of [`PlanDocument`]; grows when a reader of the last one would fail.
const SCHEMA_VERSION: u32 = 2;

/// A whole plan as a document of its own.
#[derive(Debug, Serialize)]
pub(crate) struct PlanDocument {
    schema_version: u32,
    #[serde(flatten)]
    body: PlanBody,
}

/// A whole plan.
#[derive(Debug, Serialize)]
pub(super) struct PlanBody {
    fleet: String,
    steps: Vec<StepDocument>,
    unchanged: Vec<String>,
    blocked: BTreeMap<String, BlockedDocument>,
    foreign: Vec<ForeignDocument>,
    kept: Vec<KeptDocument>,
    left_out: Vec<String>,
}

#[derive(Debug, Serialize)]
struct StepDocument {
    id: String,
    target: String,
    resource: String,
    action: &'static str,
    does: &'static str,
    risk: &'static str,
    needs: Privilege,
    cost: Cost,
    /// The strongest of its changes.
    class: Option<Class>,
    /// Why, in words.
    causes: Vec<String>,
    reasons: Vec<ReasonDocument>,
    after: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
enum ReasonDocument {
    Missing,
    Changed(ChangeDocument),
    Drifted(ChangeDocument),
    NotRunning { detail: String },
    Incomplete { detail: String },
    DependsOn { resource: String },
    Dormant { detail: String },
    Unconfirmed,
    Requested,
    Superseded,
    Renamed { was: String },
    Moved { to: String },
    NotInConfig,
    Destroy,
}

/// Secrets show as `secret`, with a keyed hash where there is one.
#[derive(Debug, Serialize)]
struct ChangeDocument {
    field: String,
    before: Option<String>,
    after: Option<String>,
    class: Class,
}

#[derive(Debug, Serialize)]
struct BlockedDocument {
    why: String,
    fix: String,
}

#[derive(Debug, Serialize)]
struct ForeignDocument {
    resource: String,
    native_name: String,
    owner: String,
}

#[derive(Debug, Serialize)]
struct KeptDocument {
    resource: String,
    native_name: String,
}

impl From<&Plan> for PlanDocument {
    fn from(plan: &Plan) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            body: plan.into(),
        }
    }
}

impl From<&Plan> for PlanBody {
    fn from(plan: &Plan) -> Self {
        let Plan {
            fleet,
            steps,
            report,
        } = plan;
        Self {
            fleet: fleet.to_string(),
            steps: steps.iter().map(StepDocument::from).collect(),
            unchanged: report.unchanged.iter().map(ToString::to_string).collect(),
            blocked: report
                .blocked
                .iter()
                .map(|(id, blocked)| {
                    let (why, fix) = (blocked.why.clone(), blocked.fix.clone());
                    (id.to_string(), BlockedDocument { why, fix })
                })
                .collect(),
            foreign: report
                .foreign
                .iter()
                .map(|foreign| ForeignDocument {
                    resource: foreign.resource.to_string(),
                    native_name: foreign.native_name.clone(),
                    owner: foreign.owner.clone(),
                })
                .collect(),
            kept: report
                .kept
                .iter()
                .map(|kept| KeptDocument {
                    resource: kept.resource.to_string(),
                    native_name: kept.native_name.clone(),
                })
                .collect(),
            left_out: report.left_out.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Step> for StepDocument {
    fn from(step: &Step) -> Self {
        let Step {
            id,
            target,
            resource,
            action,
            op,
            reasons,
            risk,
            needs,
            cost,
            after,
        } = step;
        Self {
            id: id.to_string(),
            target: target.to_string(),
            resource: resource.to_string(),
            action: self::action(*action),
            does: match op {
                Op::Create { .. } => "create",
                Op::Ensure { .. } => "ensure",
                Op::Start { .. } => "start",
                Op::Remove { .. } => "remove",
                Op::Update { .. } => "update",
                Op::Swap { .. } => "swap",
                Op::Confirm { .. } => "confirm",
                Op::Load { .. } => "load",
                Op::Adopt { .. } => "adopt",
                Op::Forget { .. } => "forget",
            },
            risk: match risk {
                Risk::None => "none",
                Risk::Downtime => "downtime",
                Risk::DataLoss => "data_loss",
            },
            needs: *needs,
            cost: *cost,
            class: reasons
                .iter()
                .filter_map(Reason::change)
                .map(|change| change.class)
                .max(),
            causes: step.causes(),
            reasons: reasons.iter().map(ReasonDocument::from).collect(),
            after: after.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Reason> for ReasonDocument {
    fn from(reason: &Reason) -> Self {
        let change = |change: &rivetos_fleet::model::Change| ChangeDocument {
            field: change.field.clone(),
            before: change.before.as_ref().map(shown),
            after: change.after.as_ref().map(shown),
            class: change.class,
        };
        match reason {
            Reason::Missing => Self::Missing,
            Reason::Changed(what) => Self::Changed(change(what)),
            Reason::Drifted(what) => Self::Drifted(change(what)),
            Reason::NotRunning { detail } => Self::NotRunning {
                detail: detail.clone(),
            },
            Reason::Incomplete { detail } => Self::Incomplete {
                detail: detail.clone(),
            },
            Reason::DependsOn { resource } => Self::DependsOn {
                resource: resource.to_string(),
            },
            Reason::Dormant { detail } => Self::Dormant {
                detail: detail.clone(),
            },
            Reason::Unconfirmed => Self::Unconfirmed,
            Reason::Requested => Self::Requested,
            Reason::Superseded => Self::Superseded,
            Reason::Renamed { was } => Self::Renamed {
                was: was.to_string(),
            },
            Reason::Moved { to } => Self::Moved { to: to.to_string() },
            Reason::NotInConfig => Self::NotInConfig,
            Reason::Destroy => Self::Destroy,
        }
    }
}

/// The word for an action.
pub(super) fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Start => "start",
        Action::Delete => "delete",
        Action::Adopt => "adopt",
        Action::Forget => "forget",
    }
}

fn shown(field: &Field) -> String {
    match field {
        Field::Text(text) => text.clone(),
        Field::Keyed(_) | Field::Unknown => field.to_string(),
    }
}
