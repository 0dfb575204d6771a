//! What people report to the administrators: events, rooms, users.
//! <https://spec.matrix.org/v1.18/client-server-api/#reporting-content>

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};

use super::journal::Journal;
pub use crate::storage::reports::{Report, Wanted};
use crate::{
    error::{ApiError, Result},
    storage::{self, db::Db},
};

/// The longest reason, in characters.
const MAX_REASON: usize = 1_000;

/// What is reported.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An event.
    Event {
        /// Its room.
        room_id: OwnedRoomId,
        /// Its id.
        event_id: OwnedEventId,
        /// Who sent it.
        sender: OwnedUserId,
    },
    /// A room.
    Room(OwnedRoomId),
    /// A user.
    User(OwnedUserId),
}

/// The service.
#[derive(Debug)]
pub struct Reports {
    db: Db,
    journal: Journal,
}

impl Reports {
    /// The service.
    pub fn new(db: Db, journal: Journal) -> Self {
        Self { db, journal }
    }

    /// Keeps a report for the administrators to read. An empty reason is none.
    ///
    /// # Errors
    ///
    /// `M_INVALID_PARAM` for a reason of more than 1,000 characters.
    pub async fn add(&self, reporter: OwnedUserId, subject: Subject, reason: Option<String>) -> Result<()> {
        let reason = reason.filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
            return Err(ApiError::invalid_param("The reason is longer than 1,000 characters. Make it shorter."));
        }
        let (room_id, event_id, reported) = match subject {
            Subject::Event { room_id, event_id, sender } => (Some(room_id), Some(event_id), Some(sender)),
            Subject::Room(room_id) => (Some(room_id), None, None),
            Subject::User(user_id) => (None, None, Some(user_id)),
        };
        self.journal
            .write(move |w| {
                Box::pin(async move {
                    let (id, received_at) = (w.next_position(), w.now);
                    let report = Report { id, received_at, reporter, room_id, event_id, reported, reason };
                    Ok(storage::reports::insert(&mut w.tx, report).await?)
                })
            })
            .await
    }

    /// Up to `limit` reports past the first `from`, by when they came in, and how many there are in all.
    pub async fn list(
        &self,
        wanted: &Wanted,
        newest_first: bool,
        from: usize,
        limit: usize,
    ) -> Result<(Vec<Report>, usize)> {
        let total = storage::reports::count(&self.db, wanted).await? as usize;
        if from >= total {
            return Ok((Vec::new(), total));
        }
        let reports = storage::reports::list(&self.db, wanted, newest_first, from as i64, limit as i64).await?;
        Ok((reports, total))
    }

    /// One of them, or `M_NOT_FOUND`.
    pub async fn require(&self, id: i64) -> Result<Report> {
        storage::reports::get(&self.db, id).await?.ok_or_else(no_report)
    }

    /// Deletes a report.
    ///
    /// # Errors
    ///
    /// `M_NOT_FOUND`.
    pub async fn delete(&self, id: i64) -> Result<()> {
        let found = self
            .journal
            .write(move |w| Box::pin(async move { Ok(storage::reports::delete(&mut w.tx, id).await?) }))
            .await?;
        if found { Ok(()) } else { Err(no_report()) }
    }
}

fn no_report() -> ApiError {
    ApiError::not_found("There is no such report.")
}
