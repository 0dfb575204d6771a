//! What people have reported. Besides events there are rooms, whose reports have no `event_id`, and users, whose reports
//! have no `room_id` either: the `sender` is who is reported.

use axum::{extract::State, response::Response};
use serde_json::{Value, json};

use super::{
    extract::{Admin, Params, Path},
    ok,
};
use crate::{
    app::App,
    domain::reports::{Report, Wanted},
    error::{ApiError, Result},
    storage,
};

/// Reports in one answer, at most.
const MOST: usize = 1_000;

async fn shown(app: &App, report: &Report) -> Result<Value> {
    let room = match &report.room_id {
        Some(room_id) => app.rooms.get(room_id).await?,
        None => None,
    };
    // The specification no longer knows a score.
    Ok(json!({
        "id": report.id, "received_ts": report.received_at, "user_id": report.reporter, "reason": report.reason,
        "score": null, "room_id": report.room_id, "event_id": report.event_id, "sender": report.reported,
        "name": room.as_ref().and_then(|room| room.name()),
        "canonical_alias": room.as_ref().and_then(|room| room.canonical_alias()),
    }))
}

fn id(path: &Path) -> Result<i64> {
    path.text(0).parse().map_err(|_| ApiError::invalid_param("The id of a report is a whole number."))
}

/// `GET /_synapse/admin/v1/event_reports`: the newest first, unless `dir` says otherwise.
pub(super) async fn list(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let newest_first = params.text("dir").is_none() || params.backwards()?;
    let text = |name: &str| params.text(name).unwrap_or_default();
    let wanted = Wanted { reporter: text("user_id"), room_id: text("room_id"), reported: text("event_sender_user_id") };
    let (from, limit) = (params.number("from")?.unwrap_or(0), params.number("limit")?.unwrap_or(100).clamp(1, MOST));
    let (reports, total) = app.reports.list(&wanted, newest_first, from, limit).await?;
    let mut list = Vec::with_capacity(reports.len());
    for report in &reports {
        list.push(shown(&app, report).await?);
    }
    let next = from.saturating_add(list.len());
    let mut answer = json!({ "event_reports": list, "total": total });
    if next < total {
        answer["next_token"] = next.into();
    }
    Ok(ok(&answer))
}

/// `GET /_synapse/admin/v1/event_reports/{reportId}`: with the event as it is now.
pub(super) async fn details(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let report = app.reports.require(id(&path)?).await?;
    let mut answer = shown(&app, &report).await?;
    let event = match &report.event_id {
        Some(event_id) => storage::events::get(&app.db, event_id).await?,
        None => None,
    };
    answer["event_json"] = match event {
        Some(event) => serde_json::from_str(&event.with(Some(&event.room_id), None))?,
        None => Value::Null,
    };
    Ok(ok(&answer))
}

/// `DELETE /_synapse/admin/v1/event_reports/{reportId}`
pub(super) async fn remove(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    app.reports.delete(id(&path)?).await?;
    Ok(ok(&json!({})))
}
