//! `/sync`, the classic one and the sliding one.

use std::sync::Arc;

use axum::extract::State;
use ruma::api::client::sync::sync_events::v3::Filter;

use super::{
    lenient::{SlidingSync, SlidingSyncAnswer, SyncAnswer, SyncEvents},
    presence,
    ruma::{Ruma, one_of},
};
use crate::{
    app::App,
    error::{ApiError, Result},
    sync,
};

/// What `/versions` says of the sliding sync.
pub const SLIDING_SYNC: &str = "org.matrix.simplified_msc3575";

/// `POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync`
pub async fn sliding(State(app): State<App>, request: Ruma<SlidingSync>) -> Result<SlidingSyncAnswer> {
    let (body, caller) = (request.body.0, request.caller);
    one_of("set_presence", &body.set_presence, &presence::STATES)?;
    sync::sliding::sync(&app, &caller, &body).await.map(SlidingSyncAnswer)
}

/// `GET /_matrix/client/v3/sync`
pub async fn sync(State(app): State<App>, request: Ruma<SyncEvents>) -> Result<SyncAnswer> {
    let (body, caller) = (request.body.0, request.caller);
    one_of("set_presence", &body.set_presence, &presence::STATES)?;
    let filter = match &body.filter {
        None => Arc::default(),
        Some(Filter::FilterDefinition(filter)) => Arc::new(filter.clone()),
        Some(Filter::FilterId(id)) => app
            .filters
            .get(&caller.user_id, id)
            .await?
            .ok_or_else(|| ApiError::invalid_param("There is no such filter. Upload it again."))?,
        Some(_) => return Err(ApiError::invalid_param("This filter cannot be read.")),
    };
    sync::classic::sync(&app, &caller, &filter, &body).await.map(SyncAnswer)
}
