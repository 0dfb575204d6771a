//! Finding people.

use axum::extract::State;
use ruma::api::client::user_directory::search_users::{self, v3::User};

use super::ruma::Ruma;
use crate::{app::App, error::Result};

/// Results in one answer at most.
const MAX_LIMIT: usize = 50;

/// `POST /_matrix/client/v3/user_directory/search`
pub async fn search_users(
    State(app): State<App>,
    request: Ruma<search_users::v3::Request>,
) -> Result<search_users::v3::Response> {
    let limit = usize::try_from(u64::from(request.body.limit)).unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
    let (found, limited) = app.directory.search(&request.caller.user_id, &request.body.search_term, limit).await?;
    let results = found.into_iter().map(|person| {
        let mut user = User::new(person.user_id);
        user.display_name = person.display_name;
        user.avatar_url = person.avatar_url;
        user
    });
    Ok(search_users::v3::Response::new(results.collect(), limited))
}
