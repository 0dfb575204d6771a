//! The account's own page, and what clients send people there for.
//! <https://spec.matrix.org/v1.18/client-server-api/#oauth-20-account-management>

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use jiff::{Timestamp, tz::TimeZone};
use ruma::{OwnedDeviceId, OwnedUserId};

use super::{super::form::Form, Frame, Visit, Wrong, see_other, show, show_form};
use crate::{app::App, domain::devices::Device, error::Result};

/// What clients may send people here for: as the specification has it, and as it was called before.
pub(in crate::api) const ACTIONS: [&str; 9] = [
    "org.matrix.profile",
    "org.matrix.devices_list",
    "org.matrix.device_view",
    "org.matrix.device_delete",
    "org.matrix.account_deactivate",
    "org.matrix.cross_signing_reset",
    "org.matrix.sessions_list",
    "org.matrix.session_view",
    "org.matrix.session_end",
];

/// The pages.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/account", get(page))
        .route("/account/", get(page))
        .route("/account/name", post(rename))
        .route("/account/password", post(change_password))
        .route("/account/device", post(sign_out_device))
        .route("/account/reset", post(reset))
        .route("/account/deactivate", post(deactivate))
        .route("/account/sign-out", post(sign_out))
}

/// A device, as the page shows it.
struct Row {
    id: OwnedDeviceId,
    name: String,
    client: Option<String>,
    seen: Option<String>,
    /// Where it is signed out.
    page: String,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    problem: Option<&'static str>,
    done: Option<&'static str>,
    display_name: String,
    devices: Vec<Row>,
}

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    frame: Frame,
    device: Row,
}

/// A page that asks for the password and does one thing.
#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    frame: Frame,
    problem: Option<&'static str>,
    lead: &'static str,
    to: &'static str,
    button: &'static str,
    /// What may be chosen besides.
    erase: Option<&'static str>,
}

/// A user who is signed in.
#[expect(clippy::result_large_err, reason = "it is a page, and shown at once")]
fn user(visit: &Visit) -> Result<OwnedUserId, Response> {
    visit.user.clone().ok_or_else(|| visit.to_sign_in(false))
}

async fn row(app: &App, visit: &Visit, device: Device) -> Result<Row> {
    let client = match &device.client_id {
        Some(id) => app.oauth.client(id).await?.map(|client| client.name(visit.language.tag())),
        None => None,
    };
    let seen = device.last_seen_at.and_then(|at| Timestamp::from_millisecond(at).ok());
    let seen = seen.map(|at| at.to_zoned(TimeZone::system()).strftime("%d.%m.%Y %H:%M").to_string());
    let name = device.display_name.unwrap_or_else(|| visit.texts().unnamed.to_owned());
    let query = [("action", "org.matrix.device_delete"), ("device_id", device.device_id.as_str())];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    // Most clients name the device after themselves.
    let client = client.filter(|client| !name.contains(client.as_str()));
    Ok(Row { id: device.device_id, client, name, seen, page: format!("/account?{query}") })
}

async fn show_account(
    app: &App,
    visit: &Visit,
    user_id: &OwnedUserId,
    wrong: Option<Wrong>,
    done: Option<&'static str>,
) -> Result<Response> {
    let mut devices = Vec::new();
    for device in app.devices.of_user(user_id).await? {
        devices.push(row(app, visit, device).await?);
    }
    let display_name = app.users.require(user_id).await?.display_name.clone().unwrap_or_default();
    let page = Account {
        frame: visit.frame(visit.texts().account_title),
        problem: wrong.map(|(_, message)| message),
        done,
        display_name,
        devices,
    };
    Ok(show_form(wrong, &page))
}

/// `GET /account`
async fn page(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    let user_id = user(&visit)?;
    let texts = visit.texts();
    let shown = match form.text("action").trim_start_matches("org.matrix.") {
        "device_view" | "device_delete" | "session_view" | "session_end" => {
            show_device(&app, &visit, &user_id, form.text("device_id")).await
        }
        "cross_signing_reset" => Ok(Confirm::reset(&visit).show(None)),
        "account_deactivate" => Ok(Confirm::deactivate(&visit).show(None)),
        _ => show_account(&app, &visit, &user_id, None, form.get("saved").map(|_| texts.saved)).await,
    };
    shown.map_err(|error| visit.failed(error))
}

async fn show_device(app: &App, visit: &Visit, user_id: &OwnedUserId, device_id: &str) -> Result<Response> {
    let texts = visit.texts();
    match app.devices.get(user_id, device_id.into()).await? {
        Some(device) => {
            let device = row(app, visit, device).await?;
            Ok(show(StatusCode::OK, &DevicePage { frame: visit.frame(texts.sign_out_confirm), device }))
        }
        None => Ok(visit.problem(StatusCode::NOT_FOUND, texts.no_device, "")),
    }
}

impl Confirm {
    /// Allowing new cross-signing keys.
    fn reset(visit: &Visit) -> Self {
        let texts = visit.texts();
        Self {
            frame: visit.frame(texts.reset_title),
            problem: None,
            lead: texts.reset_lead,
            to: "/account/reset",
            button: texts.reset,
            erase: None,
        }
    }

    /// Closing the account.
    fn deactivate(visit: &Visit) -> Self {
        let texts = visit.texts();
        Self {
            frame: visit.frame(texts.deactivate_title),
            problem: None,
            lead: texts.deactivate_lead,
            to: "/account/deactivate",
            button: texts.deactivate,
            erase: Some(texts.erase),
        }
    }

    fn show(mut self, wrong: Option<Wrong>) -> Response {
        self.problem = wrong.map(|(_, message)| message);
        show_form(wrong, &self)
    }
}

/// What is wrong with a password that was asked for again, if anything is.
async fn wrong_password(app: &App, visit: &Visit, user_id: &OwnedUserId, password: &str) -> Option<Wrong> {
    let account = match app.users.get(user_id).await {
        Ok(account) => account,
        Err(error) => return Some(visit.wrong(error)),
    };
    match app.accounts.check_password(account.as_deref(), password.to_owned()).await {
        Ok(true) => None,
        Ok(false) => Some((StatusCode::FORBIDDEN, visit.texts().wrong_old_password)),
        Err(error) => Some(visit.wrong(error)),
    }
}

/// `POST /account/name`
async fn rename(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    let user_id = user(&visit)?;
    let name = form.get("display_name").map(|name| name.trim().into());
    let suspended =
        app.users.get(&user_id).await.map_err(|error| visit.failed(error))?.is_none_or(|user| user.suspended);
    if suspended {
        return Err(visit.problem(StatusCode::FORBIDDEN, visit.texts().locked, ""));
    }
    match app.profiles.set(&user_id, "displayname", name).await {
        Ok(()) => Ok(see_other("/account?saved=1")),
        Err(error) => {
            let wrong = visit.wrong(error);
            show_account(&app, &visit, &user_id, Some(wrong), None).await.map_err(|error| visit.failed(error))
        }
    }
}

/// `POST /account/password`
async fn change_password(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    let user_id = user(&visit)?;
    let (texts, new) = (visit.texts(), form.text("new_password"));
    let wrong = if new != form.text("password_again") {
        Some((StatusCode::BAD_REQUEST, texts.different_passwords))
    } else if let Err(error) = app.accounts.passwords.check(new, user_id.localpart()) {
        Some(visit.wrong(error))
    } else {
        wrong_password(&app, &visit, &user_id, form.text("old_password")).await
    };
    if wrong.is_some() {
        return show_account(&app, &visit, &user_id, wrong, None).await.map_err(|error| visit.failed(error));
    }
    let everywhere = form.get("sign_out_others").is_some();
    let set = app.accounts.set_password(&user_id, new.to_owned(), everywhere, None).await;
    set.map_err(|error| visit.failed(error))?;
    // Whoever else had a page open is out; this browser goes on.
    visit.signed_in(&app, &user_id, "/account?saved=1").await.map_err(|error| visit.failed(error))
}

/// `POST /account/device`
async fn sign_out_device(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    let user_id = user(&visit)?;
    let device_id: OwnedDeviceId = form.text("device_id").into();
    app.devices.remove(&user_id, vec![device_id]).await.map_err(|error| visit.failed(error))?;
    Ok(see_other("/account?saved=1"))
}

/// `POST /account/reset`
async fn reset(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    let user_id = user(&visit)?;
    if let Some(wrong) = wrong_password(&app, &visit, &user_id, form.text("password")).await {
        return Err(Confirm::reset(&visit).show(Some(wrong)));
    }
    app.oauth.allow_reset(&user_id).await.map_err(|error| visit.failed(error))?;
    Ok(visit.done(visit.texts().reset_title, visit.texts().reset_done))
}

/// `POST /account/deactivate`
async fn deactivate(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    let user_id = user(&visit)?;
    if let Some(wrong) = wrong_password(&app, &visit, &user_id, form.text("password")).await {
        return Err(Confirm::deactivate(&visit).show(Some(wrong)));
    }
    let erase = form.get("erase").is_some();
    app.accounts.close(&app.rooms, &user_id, erase).await.map_err(|error| visit.failed(error))?;
    let done = visit.done(visit.texts().deactivate_title, visit.texts().deactivated);
    visit.signed_out(&app, done).await.map_err(|error| visit.failed(error))
}

/// `POST /account/sign-out`
async fn sign_out(State(app): State<App>, visit: Visit) -> Result<Response, Response> {
    visit.require_own()?;
    let done = visit.done(visit.texts().account_title, visit.texts().signed_out);
    visit.signed_out(&app, done).await.map_err(|error| visit.failed(error))
}
