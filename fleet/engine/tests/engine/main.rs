//! The engine through its public seams, against targets and agents that tests control.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod client;
#[cfg(test)]
mod converge;
#[cfg(test)]
mod execute;
#[cfg(test)]
mod history;
#[cfg(test)]
mod home;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod ready;
#[cfg(test)]
#[path = "../../../planner/tests/support/mod.rs"]
mod support;
