//! What people send by the feedback button, as administrators see it. A part of Parta's own API.

use std::collections::BTreeMap;

use axum::{body::Body as Stream, extract::State, response::Response};
use http::{HeaderMap, HeaderValue, header};
use ruma::http_headers::{ContentDisposition, ContentDispositionType};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    extract::{Admin, Body, Params, Path},
    ok,
};
use crate::{
    api::parta::id,
    app::App,
    domain::feedback::{Deed, Order, Priority, Report, State as Progress, Wanted, export::Format},
    error::{ApiError, Result},
};

/// Reports in one answer, unless the administrator says how many, and at most.
const PAGE: usize = 100;
const MOST: usize = 1_000;

/// A page of reports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedbackPage)]
pub(crate) struct Listed {
    reports: Vec<Report>,
    /// How many there are in all.
    total: usize,
    /// Where the next page begins, if there is one: its `offset`.
    next: Option<usize>,
}

/// How many reports there are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FeedbackCounts)]
pub(crate) struct Counts {
    total: i64,
    by_state: BTreeMap<&'static str, i64>,
    by_kind: BTreeMap<&'static str, i64>,
}

/// What is to be changed in a report; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FeedbackChange)]
pub(crate) struct Change {
    state: Option<Progress>,
    priority: Option<Priority>,
    /// For other administrators, at most 4,000 characters, in place of the note before.
    note: Option<String>,
}

/// An answer to a report.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewFeedbackAnswer)]
pub(crate) struct Answer {
    /// 1 to 4,000 characters.
    text: String,
}

/// A parameter that is one of several words.
fn word<T: std::str::FromStr<Err: std::fmt::Display>>(params: &Params, name: &str) -> Result<Option<T>> {
    let parse = |text: String| text.parse().map_err(|e| ApiError::invalid_param(format!("{name}: {e}.")));
    params.text(name).filter(|text| !text.is_empty()).map(parse).transpose()
}

fn wanted(params: &Params) -> Result<Wanted> {
    let time = |name| params.number(name).map(|at| at.map(|at| i64::try_from(at).unwrap_or(i64::MAX)));
    let all = Wanted::default();
    Ok(Wanted {
        state: word(params, "state")?,
        kind: word(params, "kind")?,
        user: params.text("user").unwrap_or_default(),
        text: params.text("text").unwrap_or_default(),
        from: time("from")?.unwrap_or(all.from),
        to: time("to")?.unwrap_or(all.to),
        before: all.before,
    })
}

/// List reports.
#[utoipa::path(
    get, path = "/_parta/admin/v1/feedback", tag = "feedback of all",
    params(
        ("state" = Option<String>, Query, description = "new, seen, planned, done or declined"),
        ("kind" = Option<String>, Query, description = "problem, idea, question or praise"),
        ("user" = Option<String>, Query, description = "A part of the sender's id"),
        ("text" = Option<String>, Query, description = "A part of the text, in small or capital letters"),
        ("from" = Option<i64>, Query, description = "Not before this time, in milliseconds since the Unix epoch"),
        ("to" = Option<i64>, Query, description = "Before this time, likewise"),
        ("order" = Option<String>, Query, description = "newest (first), oldest or priority"),
        ("offset" = Option<usize>, Query, description = "Where the page begins: `next` of the page before"),
        ("limit" = Option<usize>, Query, description = "How many, at most 1,000; 100 unless given"),
    ),
    responses((status = 200, description = "A page of them", body = Listed)),
)]
pub(crate) async fn list(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let order = word(&params, "order")?.unwrap_or(Order::Newest);
    let (offset, limit) = (params.number("offset")?.unwrap_or(0), params.number("limit")?.unwrap_or(PAGE));
    let (reports, total) = app.feedback.list(&wanted(&params)?, order, offset, limit.clamp(1, MOST)).await?;
    let next = Some(offset.saturating_add(reports.len())).filter(|next| *next < total);
    Ok(ok(&Listed { reports, total, next }))
}

/// Count reports.
#[utoipa::path(
    get, path = "/_parta/admin/v1/feedback/counts", tag = "feedback of all",
    params(
        ("user" = Option<String>, Query, description = "A part of the sender's id"),
        ("from" = Option<i64>, Query, description = "Not before this time, in milliseconds since the Unix epoch"),
        ("to" = Option<i64>, Query, description = "Before this time, likewise"),
    ),
    responses((status = 200, description = "How many there are, by state and kind", body = Counts)),
)]
pub(crate) async fn counts(State(app): State<App>, _: Admin, params: Params) -> Result<Response> {
    let mut counts = Counts { total: 0, by_state: BTreeMap::new(), by_kind: BTreeMap::new() };
    for (state, kind, n) in app.feedback.counts(&wanted(&params)?).await? {
        counts.total += n;
        *counts.by_state.entry(state.as_str()).or_default() += n;
        *counts.by_kind.entry(kind.as_str()).or_default() += n;
    }
    Ok(ok(&counts))
}

/// Take reports away as a file.
#[utoipa::path(
    get, path = "/_parta/admin/v1/feedback/export", tag = "feedback of all",
    params(
        ("format" = Option<String>, Query, description = "csv or json; json unless given"),
        ("state" = Option<String>, Query, description = "new, seen, planned, done or declined"),
        ("kind" = Option<String>, Query, description = "problem, idea, question or praise"),
        ("user" = Option<String>, Query, description = "A part of the sender's id"),
        ("text" = Option<String>, Query, description = "A part of the text, in small or capital letters"),
        ("from" = Option<i64>, Query, description = "Not before this time, in milliseconds since the Unix epoch"),
        ("to" = Option<i64>, Query, description = "Before this time, likewise"),
    ),
    responses((
        status = 200, description = "The newest first",
        content((Vec<Report> = "application/json"), (String = "text/csv")),
    )),
)]
pub(crate) async fn export(State(app): State<App>, Admin(caller): Admin, params: Params) -> Result<Response> {
    let format = params.text("format").map_or(Ok(Format::Json), |word| word.parse())?;
    let pieces = app.feedback.export(format, wanted(&params)?);
    tracing::info!(administrator = %caller, "an administrator took feedback away as a file");
    let (content_type, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "feedback.csv"),
        Format::Json => ("application/json", "feedback.json"),
    };
    let mut response = Response::new(Stream::from_stream(pieces));
    dress(response.headers_mut(), content_type, name.to_owned())?;
    Ok(response)
}

/// Show a report, with all that was done with it.
#[utoipa::path(
    get, path = "/_parta/admin/v1/feedback/{id}", tag = "feedback of all",
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, description = "The report", body = Report)),
)]
pub(crate) async fn report(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    Ok(ok(&app.feedback.require(id(path.text(0))?).await?))
}

/// Change the state, the priority or the note of a report.
///
/// The sender hears of the states planned, done and declined.
#[utoipa::path(
    patch, path = "/_parta/admin/v1/feedback/{id}", tag = "feedback of all", request_body = Change,
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, description = "The report as it is now", body = Report)),
)]
pub(crate) async fn change(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(change): Body<Change>,
) -> Result<Response> {
    let deeds = [change.state.map(Deed::State), change.priority.map(Deed::Priority), change.note.map(Deed::Note)];
    act(&app, &path, caller.as_str(), deeds.into_iter().flatten().collect()).await
}

/// Answer a report.
///
/// The sender hears of it at once, by the account data `org.parta.feedback` and by a notice from the server.
#[utoipa::path(
    post, path = "/_parta/admin/v1/feedback/{id}/answers", tag = "feedback of all", request_body = Answer,
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, description = "The report as it is now", body = Report)),
)]
pub(crate) async fn answer(
    State(app): State<App>,
    Admin(caller): Admin,
    path: Path,
    Body(answer): Body<Answer>,
) -> Result<Response> {
    act(&app, &path, caller.as_str(), vec![Deed::Answer(answer.text)]).await
}

async fn act(app: &App, path: &Path, who: &str, deeds: Vec<Deed>) -> Result<Response> {
    let id = id(path.text(0))?;
    app.feedback.act(id, who, deeds).await?;
    app.feedback_news.tell().await;
    Ok(ok(&app.feedback.require(id).await?))
}

/// Delete a report with its attachments and answers.
#[utoipa::path(
    delete, path = "/_parta/admin/v1/feedback/{id}", tag = "feedback of all",
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, description = "It is gone")),
)]
pub(crate) async fn remove(State(app): State<App>, Admin(caller): Admin, path: Path) -> Result<Response> {
    let report = id(path.text(0))?;
    app.feedback.delete(report).await?;
    tracing::info!(administrator = %caller, report, "an administrator deleted feedback");
    app.feedback_attachments.tidy().await?;
    Ok(ok(&json!({})))
}

/// Download an attachment.
#[utoipa::path(
    get, path = "/_parta/admin/v1/feedback/{id}/attachments/{n}", tag = "feedback of all",
    params(("id" = i64, Path, description = "The report's id"), ("n" = i64, Path, description = "Which, counted from one")),
    responses((
        status = 200, description = "The bytes",
        content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"), (String = "text/plain")),
    )),
)]
pub(crate) async fn attachment(State(app): State<App>, _: Admin, path: Path) -> Result<Response> {
    let n = path.text(1).parse().map_err(|_| ApiError::invalid_param("Attachments are counted from one."))?;
    let (attachment, bytes) = app.feedback_attachments.read(id(path.text(0))?, n).await?;
    let mut response = Response::new(Stream::from(bytes));
    dress(response.headers_mut(), &attachment.media_type, attachment.name)?;
    Ok(response)
}

/// Headers that keep what a stranger has written from running as a page of ours.
fn dress(headers: &mut HeaderMap, content_type: &str, name: String) -> Result<()> {
    let disposition = ContentDisposition::new(ContentDispositionType::Attachment).with_filename(Some(name));
    let value = |text: &str| HeaderValue::try_from(text).map_err(ApiError::internal);
    headers.insert(header::CONTENT_TYPE, value(content_type)?);
    headers.insert(header::CONTENT_DISPOSITION, value(&disposition.to_string())?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    Ok(())
}
