//! All targets of a fleet, as one.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use rivetos_fleet::model::{
    Desired, ErrorScope, Inventories, Inventory, InventoryError, Layout, Observed, Op, ResourceId,
    RoleSpec, Spec, Step, TargetId,
};
use rivetos_fleet::port::{
    AccessError, Applied, ApplyError, ApplyErrorKind, InfraProvider, LogOptions, NodeAccess,
    Progress, StepRunner,
};
use rivetos_provider_docker::{Datahub, ImageMove};

use crate::fleet::Chosen;
use crate::target::Target;

/// The targets of one fleet.
pub(crate) struct Targets {
    /// Those that answered.
    reached: BTreeMap<TargetId, Target>,
    /// The others, and why they did not.
    unreached: BTreeMap<TargetId, String>,
    /// Where each node is.
    nodes: BTreeMap<ResourceId, TargetId>,
    /// What each engine is that the fleet may come to be on.
    engines: BTreeMap<TargetId, Chosen>,
}

impl Targets {
    /// The targets of `layout`, as far as they answered.
    pub(crate) fn new(
        layout: &Layout,
        (reached, unreached): (BTreeMap<TargetId, Target>, BTreeMap<TargetId, String>),
        engines: BTreeMap<TargetId, Chosen>,
    ) -> Self {
        let nodes = layout.iter().flat_map(|(target, set)| {
            let ids = set.resources.keys();
            ids.map(move |id| (id.clone(), target.clone()))
        });
        Self {
            reached,
            unreached,
            nodes: nodes.collect(),
            engines,
        }
    }

    /// Why a target did not answer; `None`: it did.
    pub(crate) fn unreached(&self, id: &TargetId) -> Option<&str> {
        if self.reached.contains_key(id) {
            return None;
        }
        let why = self.unreached.get(id).map(String::as_str);
        Some(why.unwrap_or("it is no target of this fleet"))
    }

    /// The engines that answered and that the fleet may come to be on.
    pub(crate) fn engines(&self) -> impl Iterator<Item = (&TargetId, &Chosen)> {
        self.engines.iter()
    }

    /// Looks at all targets at once. One that did not answer cannot be seen.
    pub(crate) async fn look(&self, layout: &Layout) -> Inventories {
        let looks = layout.iter().map(|(id, set)| async move {
            let seen = match self.reached.get(id) {
                Some(target) => target.observe(set).await,
                None => self.unseen(id),
            };
            (id.clone(), seen)
        });
        join_all(looks).await.into_iter().collect()
    }

    fn unseen(&self, id: &TargetId) -> Inventory {
        let why = self.unreached.get(id);
        Inventory {
            errors: vec![InventoryError {
                scope: ErrorScope::Target,
                message: why.cloned().unwrap_or_else(|| format!("{id} is no target")),
            }],
            ..Inventory::default()
        }
    }

    /// What a run over the whole fleet must lock: what cannot be reached cannot be changed either.
    pub(crate) fn locks(&self) -> BTreeMap<TargetId, Target> {
        self.reached.clone()
    }

    /// The object on `target` that may become `resource`, by the target's name for it.
    pub(crate) async fn look_up(
        &self,
        target: &TargetId,
        resource: &ResourceId,
        native: &str,
    ) -> Result<Option<Observed>, ApplyError> {
        self.at(target)?.look_up(resource, native).await
    }

    /// The fleet's datahub, if it takes connections.
    pub(crate) async fn datahub(&self, node: &ResourceId) -> Result<Datahub, AccessError> {
        self.of(node)?.datahub(node).await
    }

    fn at(&self, id: &TargetId) -> Result<&Target, ApplyError> {
        self.reached.get(id).ok_or_else(|| ApplyError {
            message: match self.unreached.get(id) {
                Some(why) => format!("{id} cannot be reached: {why}"),
                None => format!("{id} is no target of this fleet"),
            },
            hint: None,
            kind: ApplyErrorKind::Failed,
        })
    }

    fn of(&self, node: &ResourceId) -> Result<&Target, AccessError> {
        let id = self.nodes.get(node);
        let id = id.ok_or_else(|| AccessError::Absent(node.clone()))?;
        self.reached.get(id).ok_or_else(|| {
            let why = self.unreached.get(id).cloned();
            AccessError::Unreachable {
                node: node.clone(),
                cause: why.unwrap_or_else(|| format!("{id} did not answer")),
            }
        })
    }
}

/// An image that one target gets from another.
struct Freight<'a> {
    desired: &'a Desired,
    from: &'a TargetId,
    image_id: &'a str,
}

impl Targets {
    async fn load(
        &self,
        step: &Step,
        freight: Freight<'_>,
        progress: Progress<'_>,
    ) -> Result<Applied, ApplyError> {
        let Freight {
            desired,
            from,
            image_id,
        } = freight;
        match (self.at(&step.target)?, self.at(from)?, &desired.spec) {
            (Target::Docker(here), Target::Docker(there), Spec::Image(image)) => {
                let image = ImageMove {
                    reference: &image.reference,
                    id: image_id,
                };
                here.load(there, image, progress).await
            }
            (Target::Docker(_) | Target::Local(_), _, _) => {
                Err(not_between(&desired.id, from, &step.target))
            }
        }
    }

    /// A login whose password is on another target: it is read there, given to the datahub, and
    /// is nowhere else on the way.
    async fn ensure_far_role(
        &self,
        step: &Step,
        (desired, role): (&Desired, &RoleSpec),
        from: &TargetId,
    ) -> Result<Applied, ApplyError> {
        let Target::Docker(datahub) = self.at(&step.target)? else {
            return Err(not_between(&desired.id, from, &step.target));
        };
        let password = self.at(from)?.password(desired, role).await?;
        datahub.ensure_role(desired, role, password).await
    }
}

fn not_between(what: &ResourceId, from: &TargetId, to: &TargetId) -> ApplyError {
    ApplyError {
        message: format!("{what} cannot be brought from {from} to {to}"),
        hint: None,
        kind: ApplyErrorKind::Failed,
    }
}

impl StepRunner for Targets {
    async fn run(&self, step: &Step, progress: Progress<'_>) -> Result<Applied, ApplyError> {
        if let Op::Load {
            desired,
            from,
            image_id,
        } = &step.op
        {
            let freight = Freight {
                desired,
                from,
                image_id,
            };
            return self.load(step, freight, progress).await;
        }
        if let Op::Ensure { desired } = &step.op
            && let Spec::Role(role) = &desired.spec
            && let Some(far) = &role.far
        {
            return self
                .ensure_far_role(step, (desired, role), &far.target)
                .await;
        }
        self.at(&step.target)?.apply(step, progress).await
    }
}

impl NodeAccess for Targets {
    type Stream = <Target as NodeAccess>::Stream;
    type Lines = <Target as NodeAccess>::Lines;

    async fn connect(&self, node: &ResourceId) -> Result<Self::Stream, AccessError> {
        self.of(node)?.connect(node).await
    }

    async fn logs(
        &self,
        node: &ResourceId,
        options: LogOptions,
    ) -> Result<Self::Lines, AccessError> {
        self.of(node)?.logs(node, options).await
    }
}
