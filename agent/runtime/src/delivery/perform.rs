//! One call to a channel.

use std::time::Duration;

use rivetos_types::channel::{Address, Channel, ChannelError, MessageKey};
use rivetos_types::id::TurnId;

use super::board::{Board, Move};

/// The longest time for one call.
const CALL_TIME_MAX: Duration = Duration::from_mins(1);

/// Makes the one call and notes on the board what came of it. An error means that the board wants
/// another attempt, later or never; what a channel refuses to change is made anew instead.
pub(crate) async fn perform(
    channel: &dyn Channel,
    to: &Address,
    turn: &TurnId,
    board: &mut Board,
    next: Move,
) -> Result<(), ChannelError> {
    match next {
        Move::Send { part, text } => {
            let key = MessageKey(format!("{turn}/{part}"));
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
                    tracing::debug!(%turn, part, reason, "a message is made anew");
                    board.refused(part);
                }
                Err(error) => return Err(error),
            }
        }
        Move::Retract { at } => match in_time(channel.retract(to, &at)).await {
            Ok(()) => board.retracted(&at),
            Err(error @ ChannelError::Transient { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(%turn, %error, "a message that is out of date stays");
                board.retracted(&at);
            }
        },
    }
    Ok(())
}

async fn in_time<T>(
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
