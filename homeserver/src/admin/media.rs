//! Files: whose they are, how much they take up, deleting them.

use std::cmp::Ordering;

use axum::{extract::State, response::Response};
use ruma::OwnedServerName;
use serde_json::{Value, json};

use super::{
    extract::{Admin, Params, Path, page},
    ok,
};
use crate::{
    app::App,
    domain::media::{Listed, Usage},
    error::{ApiError, Result},
};

fn no_column() -> ApiError {
    ApiError::invalid_param("order_by names no column of the list.")
}

/// The files of the user in the path, in the order that the query asks for; by default the newest come first.
async fn of_user(app: &App, path: &Path, params: &Params) -> Result<Vec<Listed>> {
    let user_id = path.user(app)?;
    app.users.require(&user_id).await?;
    let order = params.text("order_by");
    let backwards = params.backwards()? || (order.is_none() && params.text("dir").is_none());
    let by: fn(&Listed, &Listed) -> Ordering = match order.as_deref() {
        None | Some("created_ts") => |a, b| a.created_at.cmp(&b.created_at),
        Some("media_id") => |a, b| a.media_id.cmp(&b.media_id),
        Some("upload_name") => |a, b| a.filename.cmp(&b.filename),
        Some("last_access_ts") => |a, b| a.last_access.cmp(&b.last_access),
        Some("media_length") => |a, b| a.size.cmp(&b.size),
        Some("media_type") => |a, b| a.content_type.cmp(&b.content_type),
        Some("quarantined_by") => |a, b| a.quarantined_by.cmp(&b.quarantined_by),
        Some("safe_from_quarantine") => |_, _| Ordering::Equal,
        Some(_) => return Err(no_column()),
    };
    let mut files = app.media.of_user(&user_id).await?;
    files.sort_by(|a, b| if backwards { by(b, a) } else { by(a, b) });
    Ok(files)
}

/// `GET /_synapse/admin/v1/users/{userId}/media`
pub(super) async fn list(State(app): State<App>, _: Admin, path: Path, params: Params) -> Result<Response> {
    let files = of_user(&app, &path, &params).await?;
    let total = files.len();
    let (files, next) = page(files, &params)?;
    let shown: Vec<Value> = files
        .iter()
        .map(|file| {
            json!({
                "media_id": file.media_id, "media_type": file.content_type, "media_length": file.size,
                "upload_name": file.filename, "created_ts": file.created_at, "last_access_ts": file.last_access,
                "quarantined_by": file.quarantined_by, "safe_from_quarantine": false,
            })
        })
        .collect();
    let mut answer = json!({ "media": shown, "total": total });
    if let Some(next) = next {
        answer["next_token"] = next.into();
    }
    Ok(ok(&answer))
}

/// `DELETE /_synapse/admin/v1/users/{userId}/media`: deletes what the same `GET` would list.
pub(super) async fn remove(State(app): State<App>, _: Admin, path: Path, params: Params) -> Result<Response> {
    let (files, _) = page(of_user(&app, &path, &params).await?, &params)?;
    let ids: Vec<String> = files.into_iter().map(|file| file.media_id).collect();
    app.media.delete(&ids).await?;
    Ok(ok(&json!({ "deleted_media": ids, "total": ids.len() })))
}

/// `DELETE /_synapse/admin/v1/media/{serverName}/{mediaId}`
pub(super) async fn remove_one(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    app.media.delete_one(&path.id::<OwnedServerName>(0)?, path.text(1)).await?;
    Ok(ok(&json!({ "deleted_media": [path.text(1)], "total": 1 })))
}

/// `GET /_synapse/admin/v1/statistics/users/media`
pub(super) async fn usage(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let moment = |name| params.number(name).map(|at| at.map(|at| i64::try_from(at).unwrap_or(i64::MAX)));
    let (from, until) = (moment("from_ts")?.unwrap_or(0), moment("until_ts")?.unwrap_or(i64::MAX));
    let by: fn(&Usage, &Usage) -> Ordering = match params.text("order_by").as_deref() {
        None | Some("user_id") => |a, b| a.user_id.cmp(&b.user_id),
        Some("displayname") => |a, b| a.display_name.cmp(&b.display_name),
        Some("media_length") => |a, b| a.bytes.cmp(&b.bytes),
        Some("media_count") => |a, b| a.files.cmp(&b.files),
        Some(_) => return Err(no_column()),
    };
    let mut people = app.media.usage(from, until).await?;
    if let Some(part) = params.text("search_term").map(|text| text.to_lowercase()) {
        let named = |name: &str| name.to_lowercase().contains(&part);
        people.retain(|user| named(user.user_id.as_str()) || user.display_name.as_deref().is_some_and(named));
    }
    people.sort_by(by);
    if params.backwards()? {
        people.reverse();
    }
    let total = people.len();
    let (people, next) = page(people, &params)?;
    let shown = |user: &Usage| {
        json!({
            "user_id": user.user_id, "displayname": user.display_name, "media_count": user.files,
            "media_length": user.bytes,
        })
    };
    let mut answer = json!({ "users": people.iter().map(shown).collect::<Vec<Value>>(), "total": total });
    if let Some(next) = next {
        answer["next_token"] = next.into();
    }
    Ok(ok(&answer))
}
