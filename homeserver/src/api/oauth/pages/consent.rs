//! The authorization endpoint: a program asks, the person allows it or not (RFC 6749 section 4.1).

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;

use super::{super::form::Form, Frame, Visit, see_other, show};
use crate::{
    app::App,
    domain::oauth::{
        Refusal,
        authorization::{Asked, Return},
        client::Client,
    },
    error::Result,
};

#[derive(Template)]
#[template(path = "consent.html")]
struct Consent<'a> {
    frame: Frame,
    client: String,
    host: String,
    /// What the form sends back: the client's request.
    fields: Vec<(&'a str, &'a str)>,
}

/// A request of a client, as far as it can be carried out.
struct Request {
    client: Client,
    back: Return,
    asked: Asked,
}

/// Reads a client's request. Until it is settled where answers go, it is the person who hears what is wrong.
async fn read(app: &App, visit: &Visit, form: &Form) -> Result<Request, Response> {
    let wrong =
        |refusal: &Refusal| visit.problem(StatusCode::BAD_REQUEST, visit.texts().wrong_request, &refusal.description);
    let client_id = form.get("client_id").ok_or_else(|| wrong(&Refusal::request("client_id is missing.")))?;
    let client = app.oauth.client(client_id).await.map_err(|error| visit.failed(error))?;
    let client = client.ok_or_else(|| wrong(&Refusal::request("The program is not registered here.")))?;
    let back = Return::parse(&form.0, &client).map_err(|refusal| wrong(&refusal))?;
    match Asked::parse(&form.0, &client) {
        Ok(asked) => Ok(Request { client, back, asked }),
        Err(refusal) => Err(match back.with_refusal(&refusal) {
            Ok(url) => see_other(url.as_str()),
            Err(refusal) => wrong(&refusal),
        }),
    }
}

/// `GET /oauth2/authorize`
pub(super) async fn page(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Response> {
    let Request { client, asked, .. } = read(&app, &visit, &form).await?;
    if visit.user.is_none() {
        return Ok(visit.to_sign_in(asked.create && app.config.registration.enabled));
    }
    let page = Consent {
        frame: visit.frame(visit.texts().consent_title),
        client: client.name(visit.language.tag()),
        host: client.host(),
        fields: form.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
    };
    Ok(show(StatusCode::OK, &page))
}

/// `POST /oauth2/authorize`
pub(super) async fn decide(State(app): State<App>, visit: Visit, mut form: Form) -> Result<Response, Response> {
    visit.require_own()?;
    let decision = form.0.remove("decision").unwrap_or_default();
    let Request { client, back, asked } = read(&app, &visit, &form).await?;
    let again = || {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.0).finish();
        see_other(&format!("/oauth2/authorize?{query}"))
    };
    let Some(user_id) = &visit.user else { return Ok(again()) };
    let url = match decision.as_str() {
        "allow" => {
            let code = app.oauth.code(&client, user_id, asked, &back).await.map_err(|error| visit.failed(error))?;
            back.with_code(&code)
        }
        "switch" => return visit.signed_out(&app, again()).await.map_err(|error| visit.failed(error)),
        _ => back.with_refusal(&Refusal::new("access_denied", "The person did not allow it.")),
    };
    url.map(|url| see_other(url.as_str()))
        .map_err(|refusal| visit.problem(StatusCode::BAD_REQUEST, visit.texts().wrong_request, &refusal.description))
}
