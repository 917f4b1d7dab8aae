//! From a plan to one that may be executed.

use std::fmt;

use thiserror::Error;

use crate::check::{Note, check_plan};
use crate::model::{Plan, ResourceId, Risk, Step};

/// What the operator said to a plan that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// Yes.
    Yes,
    /// Yes, and this fleet's name as the sign that data may be deleted.
    YesWithDataLoss {
        /// What was typed.
        fleet: String,
    },
}

/// A plan that may be executed: all of it can be done, and what it destroys was consented to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPlan(Plan);

impl ApprovedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// Its steps, in an order that respects [`Step::after`].
    pub fn steps(&self) -> &[Step] {
        &self.0.steps
    }
}

/// Why a plan may not be executed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Some resources cannot be planned now. A part of a fleet is not what was asked for, so
    /// nothing is done until the operator solved it.
    #[error("the plan is blocked at {}", list(.0))]
    Blocked(Vec<ResourceId>),
    /// The plan breaks the rules of [`check_plan`]: it was not made by this planner, or it was
    /// damaged since.
    #[error("the plan is not sound: {}", list(.0))]
    Unsound(Vec<Note>),
    /// The plan deletes data and nobody agreed to that.
    #[error("the plan deletes the data of {}", list(.0))]
    DataLoss(Vec<ResourceId>),
    /// The plan deletes data and the name that was typed is not the fleet's.
    #[error("the plan deletes data of fleet `{fleet}` and `{typed}` is not its name")]
    WrongName {
        /// What was typed.
        typed: String,
        /// The fleet's name.
        fleet: String,
    },
}

impl Refusal {
    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::Blocked(_) => {
                "do what the plan says at each blocked resource, then run it again".to_owned()
            }
            Self::Unsound(_) => "make the plan again".to_owned(),
            Self::DataLoss(_) => {
                "confirm with the fleet's name, or leave out the wish to delete data".to_owned()
            }
            Self::WrongName { fleet, .. } => format!("type `{fleet}` exactly"),
        }
    }
}

impl Plan {
    /// The worst that the plan does.
    pub fn risk(&self) -> Risk {
        self.steps
            .iter()
            .map(|step| step.risk)
            .max()
            .unwrap_or(Risk::None)
    }

    /// Makes the plan executable.
    ///
    /// # Errors
    /// Refuses a plan that is blocked anywhere, one that is not sound, and one that deletes data
    /// without consent in the fleet's name.
    pub fn approve(self, approval: Approval) -> Result<ApprovedPlan, Refusal> {
        if !self.report.blocked.is_empty() {
            return Err(Refusal::Blocked(self.report.blocked.into_keys().collect()));
        }
        let notes = check_plan(&self);
        if !notes.is_empty() {
            return Err(Refusal::Unsound(notes));
        }
        if self.risk() == Risk::DataLoss {
            match approval {
                Approval::Yes => return Err(Refusal::DataLoss(self.resources_at(Risk::DataLoss))),
                Approval::YesWithDataLoss { fleet } if fleet != self.fleet.as_str() => {
                    return Err(Refusal::WrongName {
                        typed: fleet,
                        fleet: self.fleet.to_string(),
                    });
                }
                Approval::YesWithDataLoss { .. } => {}
            }
        }
        Ok(ApprovedPlan(self))
    }

    fn resources_at(&self, risk: Risk) -> Vec<ResourceId> {
        self.steps
            .iter()
            .filter(|s| s.risk == risk)
            .map(|s| s.resource.clone())
            .collect()
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
