//! Signing in, and making an account.

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use ruma::api::error::ErrorKind;

use super::{super::form::Form, Frame, Visit, Wrong, own_path, see_other, show_form};
use crate::{
    api::session,
    app::App,
    domain::{accounts::NewAccount, sessions},
    error::{ApiError, Result},
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    frame: Frame,
    problem: Option<&'static str>,
    name: &'a str,
    next: &'a str,
    /// Where one registers, if one can.
    register: Option<String>,
}

#[derive(Template)]
#[template(path = "register.html")]
struct Register<'a> {
    frame: Frame,
    problem: Option<&'static str>,
    name: &'a str,
    token: &'a str,
    token_required: bool,
    /// What one agrees to: the name of each policy, and where it can be read.
    policies: Vec<(String, String)>,
    next: &'a str,
    sign_in: String,
}

/// Where one goes on after signing in.
fn next(form: &Form) -> &str {
    own_path(form.text("next")).unwrap_or("/account")
}

fn with_next(page: &str, next: &str) -> String {
    format!("{page}?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish())
}

fn show_sign_in(app: &App, visit: &Visit, form: &Form, wrong: Option<Wrong>) -> Response {
    let next = next(form);
    // Who the client thinks it is, for the first time that the page is shown.
    let hint = next.split_once('?').and_then(|(_, query)| Form::parse(query.as_bytes()).ok());
    let hint = hint.as_ref().map(|query| query.text("login_hint").trim_start_matches("mxid:")).unwrap_or_default();
    let register = app.config.registration.enabled.then(|| with_next("/account/register", next));
    let page = SignIn {
        frame: visit.frame(visit.texts().sign_in_title),
        problem: wrong.map(|(_, message)| message),
        name: form.get("name").unwrap_or(hint),
        next,
        register,
    };
    show_form(wrong, &page)
}

/// `GET /account/sign-in`
pub(super) async fn page(State(app): State<App>, visit: Visit, form: Form) -> Response {
    match visit.user {
        Some(_) => see_other(next(&form)),
        None => show_sign_in(&app, &visit, &form, None),
    }
}

/// `POST /account/sign-in`
pub(super) async fn sign_in(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    match try_sign_in(&app, &visit, &form).await {
        Ok(response) => Ok(response),
        Err(ApiError::Matrix { kind, .. }) if matches!(*kind, ErrorKind::Forbidden) => {
            let wrong = (StatusCode::FORBIDDEN, visit.texts().wrong_password);
            Err(show_sign_in(&app, &visit, &form, Some(wrong)))
        }
        Err(error) => Err(show_sign_in(&app, &visit, &form, Some(visit.wrong(error)))),
    }
}

async fn try_sign_in(app: &App, visit: &Visit, form: &Form) -> Result<Response> {
    app.limits.login(visit.from.ip)?;
    let account = session::by_password(app, form.text("name"), form.text("password").to_owned()).await?;
    if account.locked {
        return Err(sessions::locked());
    }
    visit.signed_in(app, &account.user_id, next(form)).await
}

fn show_register(app: &App, visit: &Visit, form: &Form, wrong: Option<Wrong>) -> Response {
    let next = next(form);
    let policies = app.terms.policies(visit.language.tag());
    let page = Register {
        frame: visit.frame(visit.texts().register_title),
        problem: wrong.map(|(_, message)| message),
        name: form.text("name"),
        token: form.text("token"),
        token_required: app.config.registration.token_required,
        policies: policies.into_iter().map(|text| (text.name.clone(), text.url.clone())).collect(),
        next,
        sign_in: with_next("/account/sign-in", next),
    };
    show_form(wrong, &page)
}

/// `GET /account/register`
pub(super) async fn register_page(State(app): State<App>, visit: Visit, form: Form) -> Response {
    if !app.config.registration.enabled {
        return visit.problem(StatusCode::FORBIDDEN, visit.texts().closed, "");
    }
    show_register(&app, &visit, &form, None)
}

/// `POST /account/register`
pub(super) async fn register(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    if !app.config.registration.enabled {
        return Err(visit.problem(StatusCode::FORBIDDEN, visit.texts().closed, ""));
    }
    let texts = visit.texts();
    if form.text("password") != form.text("password_again") {
        let wrong = (StatusCode::BAD_REQUEST, texts.different_passwords);
        return Err(show_register(&app, &visit, &form, Some(wrong)));
    }
    if !app.terms.is_empty() && form.get("agree").is_none() {
        let wrong = (StatusCode::BAD_REQUEST, texts.terms_needed);
        return Err(show_register(&app, &visit, &form, Some(wrong)));
    }
    try_register(&app, &visit, &form).await.map_err(|error| {
        let wrong = match error {
            ApiError::Matrix { kind, .. } if matches!(*kind, ErrorKind::Forbidden) => {
                (StatusCode::FORBIDDEN, texts.wrong_token)
            }
            error => visit.wrong(error),
        };
        show_register(&app, &visit, &form, Some(wrong))
    })
}

async fn try_register(app: &App, visit: &Visit, form: &Form) -> Result<Response> {
    app.limits.registration(visit.from.ip)?;
    let user_id = app.accounts.available(form.text("name").trim(), &app.appservices, None).await?;
    app.accounts.passwords.check(form.text("password"), user_id.localpart())?;
    let registration_token = match form.text("token").trim() {
        _ if !app.config.registration.token_required => None,
        token if app.accounts.registration_token_is_valid(token).await? => Some(token.to_owned()),
        _ => return Err(ApiError::forbidden("That registration token is not valid.")),
    };
    let password_hash = Some(app.accounts.passwords.hash(form.text("password").to_owned()).await?);
    let accepted_terms = app.terms.accepted();
    let new = NewAccount { password_hash, registration_token, accepted_terms, ..NewAccount::new(user_id.clone()) };
    app.accounts.create(new, None).await?;
    visit.signed_in(app, &user_id, next(form)).await
}
