//! Who works with the connection: the caller itself while nobody else does, else a thread, which
//! takes together what waits.

mod batch;
mod job;
mod seat;
mod thread;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rivetos_types::store::StoreError;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::changes::LOOK_EVERY;
use crate::failure::Failure;
use crate::log::Log;
use batch::Db;
pub(crate) use job::Access;
use job::Call;
use seat::{AtOnce, Seat};
use thread::Order;

/// Calls that may wait before callers have to.
const QUEUE_JOBS_MAX: usize = 256;

/// How many calls may be on their way when one more is run by its caller. With more of them, one
/// transaction for all costs less than one for each.
const CALLS_BESIDE_MAX: usize = 1;

/// The longest wait of a call that need not be done at once: the store is looked at as often
/// anyway, so it wakes nobody.
const SOON: Duration = LOOK_EVERY;

/// What callers get when the thread is gone, which only a panic in it can bring about.
const GONE: &str = "the store's thread has ended";

/// The connection's keeper. Dropping it waits until the last call is committed.
pub(crate) struct Writer {
    seat: Arc<Seat>,
    /// Bounds what waits in `orders` and in `seat`.
    room: Arc<Semaphore>,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// For the store at `path`, which `db` has open.
    pub(crate) fn start(db: Connection, path: &Path) -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed {
            operation: "open the store",
            cause: error.to_string(),
        };
        let db = Db::new(db)?;
        let log = Log::open(path).map_err(failed)?;
        let seat = Arc::new(Seat::new(db, log));
        let (orders, queue) = channel();
        let of_thread = Arc::clone(&seat);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || thread::run(&of_thread, &queue))
            .map_err(failed)?;
        Ok(Self {
            seat,
            room: Arc::new(Semaphore::new(QUEUE_JOBS_MAX)),
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Runs `work` inside a transaction on the thread: it may take its time.
    pub(crate) async fn call<T, F>(
        &self,
        operation: &'static str,
        access: Access,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let call = Call::new((operation, access), self.room().await?, work);
        let _counted = self.seat.enter();
        self.hand_over(call).await
    }

    /// Runs `work`, which is short, inside a transaction: here and now if there is little to do.
    pub(crate) async fn call_here<T, F>(
        &self,
        operation: &'static str,
        access: Access,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let mut call = Call::new((operation, access), self.room().await?, work);
        let counted = self.seat.enter();
        if counted.beside() > CALLS_BESIDE_MAX {
            return self.hand_over(call).await;
        }
        let AtOnce::Ran(written) = self.seat.write_at_once(&mut call) else {
            return self.hand_over(call).await;
        };
        let early = access == Access::WriteEarly;
        let _after = (!early).then(|| self.seat.answers_after());
        if written == Ok(true) {
            self.order(Order::Fold)?;
        }
        let mut outcome = written.map(|_| ());
        if outcome.is_ok() && access.waits_for_sync() {
            outcome = self.sync_beside(counted.beside()).await;
        }
        call.outcome(&outcome).ok_or_else(gone)?
    }

    /// Runs `work` together with the next call that writes, or alone after [`SOON`].
    pub(crate) async fn call_soon<T, F>(
        &self,
        operation: &'static str,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let mut call = Call::new((operation, Access::WriteSoon), self.room().await?, work);
        let mut result = call.listen();
        self.seat.put_off(Box::new(call));
        let answered = if let Ok(answered) = timeout(SOON, &mut result).await {
            answered
        } else {
            self.order(Order::DoWaiting)?;
            result.await
        };
        answered.map_err(|_| gone())?
    }

    /// Returns when everything that was written before is on the disk.
    pub(crate) async fn sync(&self) -> Result<(), StoreError> {
        let counted = self.seat.enter();
        self.sync_beside(counted.beside()).await
    }

    async fn sync_beside(&self, calls: usize) -> Result<(), StoreError> {
        let _after = self.seat.answers_after();
        let log = &self.seat.log;
        if log.is_synced() {
            return Ok(());
        }
        // A disk that takes its time, or has trouble, must not stop whoever runs tasks.
        if calls <= CALLS_BESIDE_MAX && log.is_quick() {
            // Tasks that were woken meanwhile go first: they could not while this one waits.
            yield_now().await;
            if log.sync().is_ok() {
                return Ok(());
            }
        }
        let call = Call::sync(self.room().await?);
        self.hand_over(call).await
    }

    async fn room(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        room.map_err(|_| gone())
    }

    async fn hand_over<T, F>(&self, mut call: Call<T, F>) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let result = call.listen();
        self.order(Order::Do(Box::new(call)))?;
        result.await.map_err(|_| gone())?
    }

    fn order(&self, order: Order) -> Result<(), StoreError> {
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send(order).map_err(|_| gone())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by its hook already.
            let _ = thread.join();
        }
    }
}

fn gone() -> StoreError {
    StoreError::Failed {
        operation: "ask the store",
        cause: GONE.into(),
    }
}

#[cfg(test)]
mod tests;
