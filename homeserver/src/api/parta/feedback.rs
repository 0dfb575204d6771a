//! The feedback button, as clients see it.

use std::collections::BTreeMap;

use axum::{body::Body as Stream, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use ruma::OwnedRoomId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Caller, id};
use crate::{
    admin::extract::{Body, Params, Path},
    api::ruma::announced,
    app::App,
    domain::feedback::{ActKind, Attachment, Kind, NewReport, Report, State as Progress, attachments::NewAttachment},
    error::{self, ApiError, Result},
};

/// Reports in one answer, unless the client says how many, and at most.
const PAGE: usize = 20;
const MOST: usize = 100;

/// A report that is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewFeedback)]
pub(crate) struct New {
    kind: Kind,
    /// 1 to 4,000 characters.
    text: String,
    /// The room that it is sent from.
    #[schema(value_type = Option<String>)]
    room_id: Option<OwnedRoomId>,
    /// What the client says of itself and of the machine: `client`, `version`, `os`, `language`, `screen` and whatever helps.
    /// At most 16 KiB. The answer is in Russian where `language` is left out or begins with `ru`, and else in English.
    #[serde(default)]
    diagnostics: BTreeMap<String, String>,
    /// At most four, uploaded before.
    #[serde(default)]
    attachments: Vec<Attached>,
    /// What the client calls the report, a UUID for example, unless the header `Idempotency-Key` says it. A report that the
    /// same user sends again under the same id is not kept again: the first one is answered.
    client_id: Option<String>,
}

/// An attachment that a report is sent with. What it is, the server knows by its bytes.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewFeedbackAttachment)]
pub(crate) struct Attached {
    /// The name of the file.
    name: String,
    /// Its address, as the upload has answered it.
    content_uri: String,
}

/// What an upload is answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedbackUpload)]
pub(crate) struct Uploaded {
    /// The address for the report.
    content_uri: String,
    /// What it is, as the server has found.
    media_type: &'static str,
}

/// A report of one's own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnFeedback)]
pub(crate) struct Own {
    id: i64,
    client_id: Option<String>,
    /// When it came, in milliseconds since the Unix epoch.
    created_at: i64,
    kind: Kind,
    text: String,
    #[schema(value_type = Option<String>)]
    room_id: Option<OwnedRoomId>,
    diagnostics: BTreeMap<String, String>,
    attachments: Vec<Attachment>,
    state: Progress,
    /// Since when, in milliseconds since the Unix epoch.
    state_at: i64,
    answers: Vec<Answer>,
    /// How many answers and decisions (planned, done, declined) are not read yet.
    unread: usize,
}

/// An answer of the administrators.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedbackAnswer)]
pub(crate) struct Answer {
    /// When, in milliseconds since the Unix epoch.
    at: i64,
    text: String,
    read: bool,
}

/// A page of one's own reports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnFeedbackPage)]
pub(crate) struct OwnPage {
    /// The newest first.
    reports: Vec<Own>,
    /// Where the next page begins, if there is one: its `from`.
    next: Option<i64>,
    /// How many answers and decisions are not read yet in all.
    unread: i64,
    /// Whether reports are taken at all.
    enabled: bool,
}

impl From<Report> for Own {
    fn from(report: Report) -> Self {
        let read_up_to = report.read_up_to;
        let unread = report.acts.iter().filter(|act| act.told.is_some() && act.n > read_up_to).count();
        let answers = report.acts.into_iter().filter(|act| act.kind == ActKind::Answer);
        Self {
            id: report.id,
            client_id: report.client_id,
            created_at: report.created_at,
            kind: report.kind,
            text: report.text,
            room_id: report.room_id,
            diagnostics: report.diagnostics,
            attachments: report.attachments,
            state: report.state,
            state_at: report.state_at,
            answers: answers.map(|act| Answer { at: act.at, text: act.value, read: act.n <= read_up_to }).collect(),
            unread,
        }
    }
}

fn ok(body: &impl Serialize) -> Response {
    error::json(StatusCode::OK, body)
}

/// Send a report.
#[utoipa::path(
    post, path = "/_parta/client/v1/feedback", tag = "feedback", request_body = New,
    params(("Idempotency-Key" = Option<String>, Header, description = "What the client calls the report")),
    responses((status = 200, description = "The report, new or sent before", body = Own)),
)]
pub(crate) async fn send(
    State(app): State<App>,
    Caller(caller): Caller,
    headers: HeaderMap,
    Body(new): Body<New>,
) -> Result<Response> {
    let key = match headers.get("idempotency-key").map(|value| value.to_str()) {
        None => None,
        Some(Ok(key)) => Some(key.to_owned()),
        Some(Err(_)) => return Err(ApiError::invalid_param("Idempotency-Key has signs that are not ASCII.")),
    };
    let attachments = new.attachments.into_iter();
    let report = NewReport {
        kind: new.kind,
        text: new.text,
        room_id: new.room_id,
        diagnostics: new.diagnostics,
        attachments: attachments.map(|a| NewAttachment { name: a.name, content_uri: a.content_uri }).collect(),
        client_id: new.client_id.or(key),
    };
    Ok(ok(&Own::from(app.feedback.send(&caller.user_id, report).await?)))
}

/// Upload an attachment.
///
/// A picture (PNG, JPEG, WebP) or a text in UTF-8, a log for example, of at most 5 MiB unless configured otherwise. It is
/// shown to administrators alone, with the report that it is sent with; without one it is gone after a day.
#[utoipa::path(
    post, path = "/_parta/client/v1/feedback/attachments", tag = "feedback",
    request_body(content = Vec<u8>, description = "The bytes", content_type = "application/octet-stream"),
    responses((status = 200, description = "Its address, for the report", body = Uploaded)),
)]
pub(crate) async fn attach(
    State(app): State<App>,
    Caller(caller): Caller,
    headers: HeaderMap,
    body: Stream,
) -> Result<Response> {
    app.feedback.require_enabled()?;
    let bytes = body.into_data_stream();
    let received = app.feedback_attachments.receive(&caller.user_id, announced(&headers), bytes).await?;
    let (content_uri, media_type) = received;
    Ok(ok(&Uploaded { content_uri, media_type }))
}

/// List one's own reports, the newest first.
#[utoipa::path(
    get, path = "/_parta/client/v1/feedback", tag = "feedback",
    params(
        ("from" = Option<i64>, Query, description = "Where the page begins: `next` of the page before"),
        ("limit" = Option<usize>, Query, description = "How many, at most 100; 20 unless given"),
    ),
    responses((status = 200, description = "A page of them", body = OwnPage)),
)]
pub(crate) async fn own(State(app): State<App>, Caller(caller): Caller, params: Params) -> Result<Response> {
    let from = params.text("from").map(|text| id(&text)).transpose()?.unwrap_or(i64::MAX);
    let limit = params.number("limit")?.unwrap_or(PAGE).clamp(1, MOST);
    // One more than is shown tells whether there is another page.
    let mut reports = app.feedback.own(&caller.user_id, from, limit + 1).await?;
    let more = reports.len() > limit;
    reports.truncate(limit);
    let next = if more { reports.last().map(|report| report.id) } else { None };
    let unread = app.feedback.unread(&caller.user_id).await?;
    let reports = reports.into_iter().map(Own::from).collect();
    Ok(ok(&OwnPage { reports, next, unread, enabled: app.feedback.is_enabled() }))
}

/// One of one's own reports.
#[utoipa::path(
    get, path = "/_parta/client/v1/feedback/{id}", tag = "feedback", params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, description = "The report", body = Own)),
)]
pub(crate) async fn one(State(app): State<App>, Caller(caller): Caller, path: Path) -> Result<Response> {
    Ok(ok(&Own::from(app.feedback.require_own(&caller.user_id, id(path.text(0))?).await?)))
}

/// Mark the answers to a report as read.
///
/// The account data `org.parta.feedback` says how much is still unread.
#[utoipa::path(
    post, path = "/_parta/client/v1/feedback/{id}/read", tag = "feedback",
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, description = "They are read")),
)]
pub(crate) async fn read(State(app): State<App>, Caller(caller): Caller, path: Path) -> Result<Response> {
    app.feedback.read(&caller.user_id, id(path.text(0))?).await?;
    Ok(ok(&json!({})))
}
