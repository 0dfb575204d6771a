//! Filters that clients keep here for their syncs.

use axum::extract::State;
use ruma::api::client::filter::{create_filter, get_filter};

use super::{config::own, ruma::Ruma};
use crate::{
    app::App,
    error::{ApiError, Result},
};

/// `POST /_matrix/client/v3/user/{userId}/filter`
pub async fn create_filter(
    State(app): State<App>,
    request: Ruma<create_filter::v3::Request>,
) -> Result<create_filter::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let id = app.filters.keep(&request.body.user_id, &request.body.filter).await?;
    Ok(create_filter::v3::Response::new(id))
}

/// `GET /_matrix/client/v3/user/{userId}/filter/{filterId}`
pub async fn get_filter(
    State(app): State<App>,
    request: Ruma<get_filter::v3::Request>,
) -> Result<get_filter::v3::Response> {
    own(&request.caller, &request.body.user_id)?;
    let filter = app.filters.get(&request.body.user_id, &request.body.filter_id).await?;
    let filter = filter.ok_or_else(|| ApiError::not_found("You have no such filter."))?;
    Ok(get_filter::v3::Response::new((*filter).clone()))
}
