//! Reporting users to the administrators.

use axum::extract::State;
use ruma::api::client::reporting::report_user;

use super::ruma::Ruma;
use crate::{app::App, domain::reports::Subject, error::Result};

/// `POST /_matrix/client/v3/users/{userId}/report`
pub async fn report_user(
    State(app): State<App>,
    Ruma { body, caller, .. }: Ruma<report_user::v3::Request>,
) -> Result<report_user::v3::Response> {
    app.limits.message(&caller.user_id)?;
    app.users.require(&body.user_id).await?;
    app.reports.add(caller.user_id, Subject::User(body.user_id), Some(body.reason)).await?;
    Ok(report_user::v3::Response::new())
}
