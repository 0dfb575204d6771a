//! The pages that people see in a browser: signing in, registering, letting a program in, the account, trusting the server.
//!
//! Made on the server, without a script. A form is taken from these pages alone: the cookie is not sent along by
//! others (`SameSite`), and a browser says where a form comes from (`Origin`).

pub mod account;
mod authority;
mod consent;
mod link;
mod sign_in;
mod texts;

use std::{convert::Infallible, net::SocketAddr};

use askama::Template;
use axum::{
    Router,
    extract::{ConnectInfo, FromRequestParts},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts, uri::Scheme};
use ruma::{OwnedUserId, api::error::ErrorKind};

use self::texts::{Language, Texts};
use super::form::Form;
use crate::{
    api::auth::Client as Caller,
    app::App,
    error::{ApiError, Result},
};

/// Who is signed in. Forgotten with the browser's window.
const SESSION: &str = "parta_session";
/// The language that was chosen.
const LANGUAGE: &str = "parta_language";
/// Nothing from elsewhere, nothing inside another page. Where a form leads to is left open: it ends at the program that
/// is let in.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/account/style.css", get(style))
        .route("/account/language", get(language))
        .route("/account/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/account/register", get(sign_in::register_page).post(sign_in::register))
        .route("/oauth2/authorize", get(consent::page).post(consent::decide))
        .route("/account/link", get(link::page).post(link::decide))
        .merge(account::router())
        .merge(authority::router())
}

async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, include_str!("../../../templates/style.css")).into_response()
}

/// `GET /account/language?to=en&next=…`
async fn language(form: Form) -> Response {
    let to = Language::of_tag(form.text("to")).unwrap_or_default();
    let mut response = see_other(own_path(form.text("next")).unwrap_or("/account"));
    // No secret, and wanted on the page that is opened in plain.
    let cookie = format!("{LANGUAGE}={}; Path=/; Max-Age=31536000; SameSite=Lax", to.tag());
    set_cookie(&mut response, &cookie);
    response
}

/// Somebody who opens a page.
#[derive(Debug)]
pub(super) struct Visit {
    /// The language.
    language: Language,
    /// Who is signed in.
    user: Option<OwnedUserId>,
    /// The path and the query of the page.
    here: String,
    /// What the session's cookie has.
    cookie: Option<String>,
    /// Whether the form, if this is one, comes from one of these pages.
    own: bool,
    tls: bool,
    from: Caller,
    server_name: String,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let mut visit = Self::of(parts, app);
        if visit.is_in_plain(parts, app) {
            return Err(see_other(&format!("{}{}", app.config.base_url(), visit.here)));
        }
        // Whether somebody may sign in here at all is said by the metadata, too.
        if !app.config.login.password {
            return Err(ApiError::unrecognized("There is no OAuth 2.0 here.").into_response());
        }
        if let Some(cookie) = &visit.cookie {
            visit.user = app.oauth.by_browser(cookie).await.map_err(|error| visit.failed(error))?;
        }
        Ok(visit)
    }
}

/// Somebody who opens a page for which it does not matter who they are, nor whether one can sign in here.
#[derive(Debug)]
struct Guest(Visit);

impl FromRequestParts<App> for Guest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(Visit::of(parts, app)))
    }
}

impl Visit {
    fn of(parts: &Parts, app: &App) -> Self {
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = cookie(&parts.headers, LANGUAGE)
            .and_then(Language::of_tag)
            .or_else(|| Language::of_list(query.text("ui_locales")))
            .or_else(|| Language::of_list(accepted?))
            .unwrap_or_default();
        let base_url = app.config.base_url();
        // A proxy that speaks TLS for us is known by the address alone.
        let tls = base_url.starts_with("https:") || parts.extensions.get::<Scheme>() == Some(&Scheme::HTTPS);
        Self {
            language,
            user: None,
            here: parts.uri.path_and_query().map_or_else(|| "/account".to_owned(), ToString::to_string),
            cookie: cookie(&parts.headers, SESSION).map(str::to_owned),
            own: is_own(&parts.headers, &base_url, tls),
            tls,
            from: parts.extensions.get::<Caller>().cloned().unwrap_or_default(),
            server_name: app.config.server.name.to_string(),
        }
    }

    /// Whether the page is opened in plain though this server speaks TLS: signing in would come to nothing there, since
    /// the cookie is for TLS alone. A proxy that speaks TLS for us asks in plain.
    fn is_in_plain(&self, parts: &Parts, app: &App) -> bool {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let is_proxy = peer.is_some_and(|ip| app.config.server.trusted_proxies.contains(&ip));
        let is_tls = parts.extensions.get::<Scheme>() == Some(&Scheme::HTTPS);
        self.tls && !app.config.tls.listen.is_empty() && !is_tls && !is_proxy
    }

    fn texts(&self) -> &'static Texts {
        self.language.texts()
    }

    fn secure(&self) -> &'static str {
        if self.tls { "; Secure" } else { "" }
    }

    /// Refuses a form that comes from elsewhere.
    #[expect(clippy::result_large_err, reason = "it is a page, and shown at once")]
    fn require_own(&self) -> Result<(), Response> {
        if self.own { Ok(()) } else { Err(self.problem(StatusCode::FORBIDDEN, self.texts().foreign, "")) }
    }

    /// What every page has.
    fn frame(&self, title: &'static str) -> Frame {
        Frame {
            language: self.language,
            texts: self.texts(),
            title,
            server_name: self.server_name.clone(),
            user: self.user.as_ref().map(ToString::to_string),
            switch: format!(
                "/account/language?{}",
                url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("to", if self.language == Language::Russian { "en" } else { "ru" })
                    .append_pair("next", &self.here)
                    .finish()
            ),
        }
    }

    /// A page that says what went wrong.
    fn problem(&self, status: StatusCode, message: &'static str, details: &str) -> Response {
        let frame = self.frame(self.texts().problem_title);
        show(status, &Problem { frame, message, details: details.to_owned() })
    }

    /// What is wrong, in the words of the pages. What is our failure is logged.
    fn wrong(&self, error: ApiError) -> Wrong {
        let message = words(&error, self.texts());
        (error.into_response().status(), message)
    }

    /// A page for an error that the person can do nothing about here.
    fn failed(&self, error: ApiError) -> Response {
        let (status, message) = self.wrong(error);
        self.problem(status, message, "")
    }

    /// A page that says that something is done.
    fn done(&self, title: &'static str, message: &'static str) -> Response {
        show(StatusCode::OK, &Done { frame: self.frame(title), message })
    }

    /// To the page for signing in, and back here afterwards.
    fn to_sign_in(&self, create: bool) -> Response {
        let page = if create { "register" } else { "sign-in" };
        let next = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", &self.here).finish();
        see_other(&format!("/account/{page}?{next}"))
    }

    /// Signs the browser in as a user, and goes on.
    async fn signed_in(&self, app: &App, user_id: &ruma::UserId, next: &str) -> Result<Response> {
        if let Some(old) = &self.cookie {
            app.oauth.sign_browser_out(old).await?;
        }
        let secret = app.oauth.sign_browser_in(user_id).await?;
        let mut response = see_other(next);
        let cookie = format!("{SESSION}={secret}; Path=/; HttpOnly; SameSite=Lax{}", self.secure());
        set_cookie(&mut response, &cookie);
        Ok(response)
    }

    /// Signs the browser out.
    async fn signed_out(&self, app: &App, mut response: Response) -> Result<Response> {
        if let Some(old) = &self.cookie {
            app.oauth.sign_browser_out(old).await?;
        }
        set_cookie(&mut response, &format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}", self.secure()));
        Ok(response)
    }
}

/// What is wrong with a form, and the status of the page that says so.
type Wrong = (StatusCode, &'static str);

/// What every page has.
#[derive(Debug)]
struct Frame {
    language: Language,
    texts: &'static Texts,
    title: &'static str,
    server_name: String,
    user: Option<String>,
    /// Where the other language is.
    switch: String,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    frame: Frame,
    message: &'static str,
    details: String,
}

#[derive(Template)]
#[template(path = "done.html")]
struct Done {
    frame: Frame,
    message: &'static str,
}

/// A page with a form, which says what was wrong with it where something was.
fn show_form(wrong: Option<Wrong>, page: &impl Template) -> Response {
    show(wrong.map_or(StatusCode::OK, |(status, _)| status), page)
}

/// A page.
fn show(status: StatusCode, page: &impl Template) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => return ApiError::internal(error.to_string()).into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The address of a page has what a client asked for in it. Not `no-referrer`: forms would say no origin.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, html).into_response()
}

/// Somewhere else, by GET.
fn see_other(to: &str) -> Response {
    match HeaderValue::try_from(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => ApiError::invalid_param("That address cannot be used.").into_response(),
    }
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|list| list.split(';')).find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Whether a form comes from one of our own pages, by what the browser says (Fetch standard, `Origin` and
/// `Sec-Fetch-Site`). What has neither is no browser of today.
fn is_own(headers: &HeaderMap, base_url: &str, tls: bool) -> bool {
    let get = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = get(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let Some(origin) = get(header::ORIGIN) else { return false };
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    // A proxy may have changed the one or the other. What comes in plain may be anybody's on the way, and has the same
    // `Host` where both have the ports that are not written.
    origin == base_url || (Some(host) == get(header::HOST) && (scheme == "https" || !tls))
}

/// A path of one of our own pages: where a person may be sent after signing in.
fn own_path(path: &str) -> Option<&str> {
    let known = ["/oauth2/authorize?", "/account", "/authority"].iter().any(|own| path.starts_with(own));
    let plain = path.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    (known && plain).then_some(path)
}

/// An error in the words of the pages.
fn words(error: &ApiError, texts: &'static Texts) -> &'static str {
    let ApiError::Matrix { kind, .. } = error else { return texts.busy };
    match &**kind {
        ErrorKind::LimitExceeded(_) => texts.too_often,
        ErrorKind::WeakPassword => texts.weak_password,
        ErrorKind::UserInUse | ErrorKind::Exclusive => texts.name_taken,
        ErrorKind::InvalidUsername => texts.wrong_name,
        ErrorKind::UserLocked => texts.locked,
        ErrorKind::UserDeactivated => texts.closed_account,
        _ => texts.busy,
    }
}
