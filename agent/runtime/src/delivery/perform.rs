//! One call to a channel.

use std::time::Duration;

use rivetos_types::channel::{Address, Channel, ChannelError, MessageKey};

use super::board::{Board, Move};

/// The longest time for one call.
const CALL_TIME_MAX: Duration = Duration::from_mins(1);

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// What was asked for.
    Done,
    /// The message cannot be changed: the board wants it made anew.
    Refused,
}

/// Makes the one call and notes on the board what came of it. The keys of messages start with
/// `prefix`. An error means that the board wants another attempt, later or never.
pub(crate) async fn perform(
    channel: &dyn Channel,
    to: &Address,
    prefix: &str,
    board: &mut Board,
    next: Move,
) -> Result<Made, ChannelError> {
    match next {
        Move::Send { part, text } => {
            let key = MessageKey(format!("{prefix}/{part}"));
            // Also when this is dropped in the middle.
            board.unsure(part);
            let at = in_time(channel.send(to, &key, &text)).await?;
            board.posted(part, at, text);
        }
        Move::Edit { part, at, text } => {
            board.unsure(part);
            match in_time(channel.edit(to, &at, &text)).await {
                Ok(at) => board.posted(part, at, text),
                Err(ChannelError::EditRefused { reason }) => {
                    tracing::debug!(prefix, part, reason, "a message is made anew");
                    board.refused(part);
                    return Ok(Made::Refused);
                }
                Err(error) => return Err(error),
            }
        }
        Move::Retract { at } => match in_time(channel.retract(to, &at)).await {
            Ok(()) => board.retracted(&at),
            Err(error @ ChannelError::Transient { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(prefix, %error, "a message that is out of date stays");
                board.retracted(&at);
            }
        },
    }
    Ok(Made::Done)
}

pub(super) async fn in_time<T>(
    call: impl Future<Output = Result<T, ChannelError>>,
) -> Result<T, ChannelError> {
    tokio::time::timeout(CALL_TIME_MAX, call)
        .await
        .unwrap_or_else(|_| {
            Err(ChannelError::Transient {
                reason: format!("no answer within {} s", CALL_TIME_MAX.as_secs()),
                retry_after: None,
            })
        })
}
