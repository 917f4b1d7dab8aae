//! Resources, specs, inventories and plans. Data only: every decision is made elsewhere.

mod desired;
mod field;
mod inventory;
mod plan;
mod reason;
mod report;
mod resource;
mod spec;
mod target;

pub use desired::{Desired, DesiredSet, Layout, look_also_at};
pub use field::{Field, Fields};
pub use inventory::{
    ErrorScope, Fingerprint, Inventories, Inventory, InventoryError, Life, Observed, Owner,
    Predecessor, Protection, TargetFacts,
};
pub use plan::{Action, Cost, Op, Plan, Privilege, Risk, Step, StepId};
pub use reason::{Change, Class, Reason};
pub use report::{Blocked, Foreign, Kept, PlanReport};
pub use resource::{Kind, ResourceId, Uid};
pub use spec::{
    ContainerSpec, FarSecret, FileContent, FilesSpec, HealthCheck, ImageSource, ImageSpec, Limits,
    LogRotation, Mount, MountMode, NetworkSpec, ProcessSpec, PublishedPort, RestartPolicy,
    RoleSpec, Spec, SpecHash, VolumeSpec,
};
pub use target::TargetId;
