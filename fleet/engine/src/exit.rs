//! How a run ends. The one table of exit codes; `docs/reference/exit-codes.md` says the same to
//! people, and a test keeps the two together.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use rivetos_fleet::Refusal;
use rivetos_fleet::model::PlanReport;
use rivetos_fleet::port::ApplyErrorKind;

use crate::execute::ExecuteReport;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Everything is as asked.
    Ok,
    /// Something failed.
    Failed,
    /// `--detailed-exitcode`: the plan has changes.
    ChangesPending,
    /// Nothing was done to something because it is blocked, not ours, or was not agreed to.
    Blocked,
    /// Some steps were done and some were not.
    PartlyApplied,
    /// Another run holds the fleet's lock.
    Locked,
    /// A saved plan does not fit what is there now; nothing was changed.
    Stale,
    /// The command line or the configuration is invalid.
    Usage,
    /// The person stopped it.
    Interrupted,
}

impl Exit {
    /// Every way to end, the one that wins first: when several apply, the first of them is
    /// returned.
    #[cfg(test)]
    const BY_PRECEDENCE: [Self; 9] = [
        Self::Usage,
        Self::Interrupted,
        Self::Locked,
        Self::Stale,
        Self::Blocked,
        Self::PartlyApplied,
        Self::Failed,
        Self::ChangesPending,
        Self::Ok,
    ];

    /// The number that the caller sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::ChangesPending => 2,
            Self::Blocked => 3,
            Self::PartlyApplied => 4,
            Self::Locked => 5,
            Self::Stale => 6,
            Self::Usage => 64,
            Self::Interrupted => 130,
        }
    }

    /// In one word, for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::ChangesPending => "changes_pending",
            Self::Blocked => "blocked",
            Self::PartlyApplied => "partly_applied",
            Self::Locked => "locked",
            Self::Stale => "stale",
            Self::Usage => "usage",
            Self::Interrupted => "interrupted",
        }
    }

    /// One of two endings that both apply.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if other.rank() < self.rank() {
            other
        } else {
            self
        }
    }

    const fn rank(self) -> u8 {
        match self {
            // Nothing was begun, so nothing else can apply.
            Self::Usage => 0,
            Self::Interrupted => 1,
            Self::Locked => 2,
            Self::Stale => 3,
            Self::Blocked => 4,
            Self::PartlyApplied => 5,
            Self::Failed => 6,
            Self::ChangesPending => 7,
            Self::Ok => 8,
        }
    }
}

impl From<&PlanReport> for Exit {
    /// How a run ends for what its plan could not take up.
    fn from(report: &PlanReport) -> Self {
        if report.blocked.is_empty() && report.foreign.is_empty() {
            Self::Ok
        } else {
            Self::Blocked
        }
    }
}

impl From<&Refusal> for Exit {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Blocked(_)
            | Refusal::Unsound(_)
            | Refusal::DataLoss(_)
            | Refusal::WrongName { .. } => Self::Blocked,
        }
    }
}

impl From<&ExecuteReport> for Exit {
    fn from(report: &ExecuteReport) -> Self {
        let failed = match (report.failed.is_empty(), report.done.is_empty()) {
            (true, _) => Self::Ok,
            (false, true) => Self::Failed,
            (false, false) => Self::PartlyApplied,
        };
        let mut kinds = report.failed.values().map(|error| error.kind);
        let refused = if kinds.any(|kind| kind == ApplyErrorKind::Refused) {
            Self::Blocked
        } else {
            Self::Ok
        };
        let stopped = if report.not_started.is_empty() {
            Self::Ok
        } else {
            Self::Interrupted
        };
        failed.or(refused).or(stopped)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_is_this_one() {
        let page = include_str!("../../../docs/reference/exit-codes.md");
        let mut documented: Vec<u8> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
            .collect();
        let mut ours: Vec<u8> = Exit::BY_PRECEDENCE.into_iter().map(Exit::code).collect();
        documented.sort_unstable();
        ours.sort_unstable();
        assert_eq!(documented, ours);
    }

    #[test]
    fn the_documented_precedence_is_this_one() {
        let page = include_str!("../../../docs/reference/exit-codes.md");
        let order: Vec<String> = Exit::BY_PRECEDENCE
            .iter()
            .map(|exit| exit.code().to_string())
            .collect();
        let sentence = format!("`{}`", order.join("`, `"));
        assert!(
            page.contains(&sentence),
            "the page does not list {sentence}"
        );
    }

    #[test]
    fn what_comes_first_wins_in_either_order() {
        for (at, first) in Exit::BY_PRECEDENCE.into_iter().enumerate() {
            for second in &Exit::BY_PRECEDENCE[at..] {
                assert_eq!(first.or(*second), first);
                assert_eq!(second.or(first), first);
            }
        }
    }
}
