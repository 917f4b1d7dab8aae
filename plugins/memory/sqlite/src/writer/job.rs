//! A call on its way through the store.

use rivetos_types::store::{Durability, StoreError};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::failure::Failure;

/// What a call does to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// What is read may be told to anybody, so it is on the disk by then.
    Read,
    /// What is read goes into later writes and nowhere else; the log keeps the order.
    ReadToWrite,
    Write(Durability),
    /// As with [`Durability::PowerLoss`], but it is answered when it is written, and the sync is
    /// waited for elsewhere.
    WriteEarly,
    /// It survives `kill -9` once it is committed, which may be a moment later.
    WriteSoon,
    /// Everything that was written before is on the disk.
    Sync,
}

impl Access {
    pub(super) fn writes(self) -> bool {
        match self {
            Self::Read | Self::ReadToWrite | Self::Sync => false,
            Self::Write(_) | Self::WriteEarly | Self::WriteSoon => true,
        }
    }

    /// Whether others may want to know when it is on the disk.
    pub(super) fn must_reach_disk(self) -> bool {
        match self {
            Self::Write(Durability::PowerLoss) | Self::WriteEarly => true,
            Self::Read
            | Self::ReadToWrite
            | Self::Write(Durability::ProcessCrash)
            | Self::WriteSoon
            | Self::Sync => false,
        }
    }

    /// Whether its caller waits for a sync, provided that there is something to sync.
    pub(super) fn waits_for_sync(self) -> bool {
        match self {
            Self::Read | Self::Write(Durability::PowerLoss) | Self::Sync => true,
            Self::ReadToWrite
            | Self::Write(Durability::ProcessCrash)
            | Self::WriteEarly
            | Self::WriteSoon => false,
        }
    }
}

pub(super) trait Job: Send {
    fn access(&self) -> Access;
    /// Does the work; what failed must be undone.
    fn run(&mut self, db: &Connection) -> Result<(), StoreError>;
    /// Tells the caller, once it is known how the transaction ended.
    fn answer(&mut self, transaction: &Result<(), StoreError>);
}

pub(super) struct Call<T, F> {
    operation: &'static str,
    access: Access,
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    answer: Option<oneshot::Sender<Result<T, StoreError>>>,
    _room: OwnedSemaphorePermit,
}

impl<T, F> Call<T, F> {
    pub(super) fn new(
        (operation, access): (&'static str, Access),
        room: OwnedSemaphorePermit,
        work: F,
    ) -> Self {
        Self {
            operation,
            access,
            work: Some(work),
            result: None,
            answer: None,
            _room: room,
        }
    }

    /// For a caller that waits while somebody else runs it.
    pub(super) fn listen(&mut self) -> oneshot::Receiver<Result<T, StoreError>> {
        let (answer, result) = oneshot::channel();
        self.answer = Some(answer);
        result
    }

    /// What came of it; `None` if it never ran.
    pub(super) fn outcome(
        &mut self,
        transaction: &Result<(), StoreError>,
    ) -> Option<Result<T, StoreError>> {
        match (self.result.take(), transaction) {
            (Some(Err(own)), _) => Some(Err(own)),
            (_, Err(shared)) => Some(Err(shared.clone())),
            (Some(Ok(value)), Ok(())) => Some(Ok(value)),
            (None, Ok(())) => None,
        }
    }
}

impl Call<(), fn(&Connection) -> Result<(), Failure>> {
    /// A call that waits for a sync and does nothing else.
    pub(super) fn sync(room: OwnedSemaphorePermit) -> Self {
        Self {
            operation: "sync the store",
            access: Access::Sync,
            work: None,
            result: Some(Ok(())),
            answer: None,
            _room: room,
        }
    }
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn access(&self) -> Access {
        self.access
    }

    fn run(&mut self, db: &Connection) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        let result = work(db).map_err(|failure| failure.during(self.operation));
        let outcome = result.as_ref().map(|_| ()).map_err(StoreError::clone);
        self.result = Some(result);
        outcome
    }

    fn answer(&mut self, transaction: &Result<(), StoreError>) {
        if let Some(result) = self.outcome(transaction)
            && let Some(answer) = self.answer.take()
        {
            // Nobody listens when the caller's future was dropped; the work is done all the same.
            let _ = answer.send(result);
        }
    }
}
