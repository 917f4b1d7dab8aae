//! Resources, specs, inventories and plans. Data only: every decision is made elsewhere.

mod desired;
mod field;
mod inventory;
mod plan;
mod resource;
mod spec;

pub use desired::{Desired, DesiredSet};
pub use field::{Field, Fields};
pub use inventory::{
    ErrorScope, Fingerprint, Inventory, InventoryError, Life, Observed, Owner, TargetFacts,
};
pub use plan::{
    Action, Blocked, Change, Foreign, Kept, Op, Plan, PlanReport, Reason, Risk, Step, StepId,
};
pub use resource::{Kind, ResourceId, Uid};
pub use spec::{
    ContainerSpec, FileContent, FilesSpec, HealthCheck, ImageSource, ImageSpec, Limits,
    LogRotation, Mount, MountMode, NetworkSpec, ProcessSpec, PublishedPort, RestartPolicy,
    RoleSpec, Spec, SpecHash, VolumeSpec,
};
