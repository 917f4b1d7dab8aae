//! What goes wrong while a plan is carried out.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use rivetos_fleet::model::{DesiredSet, ErrorScope, Inventory, InventoryError, Step, StepId};
use rivetos_fleet::port::{Applied, ApplyError, InfraProvider, Progress};

use crate::apply::{Cut, failed};
use crate::execute::Killed;
use crate::fleet::SimFleet;

/// One thing that goes wrong during a run.
#[derive(Debug, Clone)]
pub struct Fault {
    /// At which step.
    pub at: Place,
    /// What.
    pub mishap: Mishap,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// By its name.
    Step(StepId),
    /// The one that is tried after so many others.
    Number(usize),
}

/// What can go wrong at a step.
#[derive(Clone)]
pub enum Mishap {
    /// It fails and changes nothing.
    FailsBefore,
    /// It does its work and fails all the same: the answer was lost.
    FailsAfter,
    /// It takes its time: so many other steps are over before it does its work.
    Slow {
        /// How many; fewer than there are that need not wait for it.
        others: usize,
    },
    /// The tool is killed when the step wants to make one more call than so many; after its last
    /// call where it makes no more.
    Killed {
        /// How many calls it makes.
        after_calls: usize,
    },
    /// What it starts does not prove itself.
    Unhealthy,
    /// Somebody presses Ctrl-C as it begins.
    Interrupted,
    /// Somebody else changes the world right before it.
    Meddled(Meddling),
}

/// What somebody else does to the world.
pub type Meddling = Arc<dyn Fn(&SimFleet) + Send + Sync>;

impl fmt::Debug for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailsBefore => f.write_str("FailsBefore"),
            Self::FailsAfter => f.write_str("FailsAfter"),
            Self::Slow { others } => write!(f, "Slow({others})"),
            Self::Killed { after_calls } => write!(f, "Killed({after_calls})"),
            Self::Unhealthy => f.write_str("Unhealthy"),
            Self::Interrupted => f.write_str("Interrupted"),
            Self::Meddled(_) => f.write_str("Meddled"),
        }
    }
}

/// How a step went under its faults.
pub(crate) enum Struck {
    /// To its end.
    Over(Result<Applied, ApplyError>),
    /// The tool was killed.
    Killed(Killed),
}

/// A fleet on a bad day: a provider for one run.
#[derive(Debug)]
pub struct BadDay<'w> {
    fleet: &'w SimFleet,
    faults: Vec<Fault>,
    begun: AtomicUsize,
    over: AtomicUsize,
    killed: AtomicBool,
    interrupted: AtomicBool,
}

impl<'w> BadDay<'w> {
    /// A run over `fleet` during which `faults` happen.
    pub fn new(fleet: &'w SimFleet, faults: Vec<Fault>) -> Self {
        Self {
            fleet,
            faults,
            begun: AtomicUsize::new(0),
            over: AtomicUsize::new(0),
            killed: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
        }
    }

    /// Whether somebody pressed Ctrl-C.
    pub fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// What comes of `run`; `None` when the tool was killed in it, which drops it where it is.
    pub async fn survive<T>(&self, run: impl Future<Output = T>) -> Option<T> {
        let mut run = pin!(run);
        poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if self.killed.load(Ordering::Relaxed) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// What is to happen at the step that begins now.
    fn strikes(&self, step: &Step) -> Vec<&Mishap> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let is_here = |fault: &&Fault| match &fault.at {
            Place::Step(id) => *id == step.id,
            Place::Number(at) => *at == number,
        };
        let here = self.faults.iter().filter(is_here);
        here.map(|fault| &fault.mishap).collect()
    }

    /// Carries `step` out with all that is to happen at it.
    pub(crate) fn strike(&self, step: &Step) -> Struck {
        self.work(step, &self.strikes(step))
    }

    fn work(&self, step: &Step, mishaps: &[&Mishap]) -> Struck {
        let mut kill = None;
        let mut answer_is_lost = false;
        for mishap in mishaps {
            match mishap {
                Mishap::FailsBefore => {
                    return Struck::Over(Err(failed("told to fail".to_owned())));
                }
                Mishap::FailsAfter => answer_is_lost = true,
                Mishap::Slow { .. } => {}
                Mishap::Killed { after_calls } => kill = Some(*after_calls),
                Mishap::Unhealthy => self.fleet.at(&step.target).state().gate_fails = true,
                Mishap::Interrupted => self.interrupted.store(true, Ordering::Relaxed),
                Mishap::Meddled(meddle) => meddle(self.fleet),
            }
        }
        let result = self.fleet.carry_out_until(step, kill);
        self.fleet.at(&step.target).state().gate_fails = false;
        match result {
            Err(Cut::Killed) => Struck::Killed(Killed::Within),
            Ok(_) | Err(Cut::Error(_)) if kill.is_some() => Struck::Killed(Killed::After),
            Ok(_) if answer_is_lost => Struck::Over(Err(failed("the answer was lost".to_owned()))),
            Ok(applied) => Struck::Over(Ok(applied)),
            Err(Cut::Error(error)) => Struck::Over(Err(error)),
        }
    }
}

impl InfraProvider for BadDay<'_> {
    async fn observe(&self, _: &DesiredSet) -> Inventory {
        // A desired set does not say of which target it is, and a run only acts.
        Inventory {
            errors: vec![InventoryError {
                scope: ErrorScope::Target,
                message: "nobody looks in the middle of a run".to_owned(),
            }],
            ..Inventory::default()
        }
    }

    async fn apply(&self, step: &Step, _: Progress<'_>) -> Result<Applied, ApplyError> {
        let mishaps = self.strikes(step);
        for mishap in &mishaps {
            if let Mishap::Slow { others } = mishap {
                while self.over.load(Ordering::Relaxed) < *others {
                    let_others_go_on().await;
                }
            }
        }
        match self.work(step, &mishaps) {
            Struck::Over(result) => {
                self.over.fetch_add(1, Ordering::Relaxed);
                result
            }
            Struck::Killed(_) => {
                self.killed.store(true, Ordering::Relaxed);
                std::future::pending().await
            }
        }
    }
}

async fn let_others_go_on() {
    let mut asked = false;
    poll_fn(|context| {
        if asked {
            return Poll::Ready(());
        }
        asked = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
