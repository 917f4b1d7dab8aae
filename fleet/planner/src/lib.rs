//! The planner: what should be, what is, and the steps between, as pure functions.
//!
//! - [`model`]: resources, specs, inventories, plans. Data only.
//! - [`port`]: what a provider of infrastructure implements. Signatures only.
//! - [`label`]: what is written on live objects, and how it is read back.
//! - [`model::Spec::fields`] and [`model::Spec::hash`]: the flat view that is compared.
//! - [`FleetSpec`], [`desired()`]: the configuration, completed and laid out on its target.
//! - [`plan()`], [`plan_destroy`]: the steps from what is to what should be.
//! - [`check_spec`], [`check_plan`]: rules that no single type can hold.
//! - [`model::Plan::lines`]: a plan in words.
//! - [`SavedPlan`]: a plan in a file, bound to what it was made from.
//! - [`ApprovedPlan`]: the only thing that may be executed.

pub mod label;
pub mod model;
pub mod port;

mod approve;
mod check;
mod class;
mod compare;
mod display;
mod key;
mod lower;
mod plan;
mod saved;
mod spec;

pub use approve::{Approval, ApprovedPlan, Refusal};
pub use check::{Note, Severity, check_plan, check_spec};
pub use display::{Line, Mark, Side, Style};
pub use key::FleetKey;
pub use plan::{
    ClaimError, DataFate, OptionsError, PlanOptions, Scope, Teardown, plan, plan_adopt,
    plan_destroy, plan_forget,
};
pub use rivetos_config::{
    AgentName, FleetId, PortRange, Secret, SecretError, SecretRef, SecretResolver,
};
pub use saved::{Moment, SavedPlan, SavedPlanError};
pub use spec::{
    AGENT_LIMITS, BuildInfo, Context, DATAHUB_LIMITS, FleetSpec, Program, ResolveError, desired,
    role_name,
};
