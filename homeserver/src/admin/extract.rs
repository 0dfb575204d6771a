//! What handlers are given that are not made from ruma's types, the administration's and Parta's own: who calls, parts of
//! the path, the query, the body.

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use http::{header, request::Parts};
use ruma::OwnedUserId;
use serde::de::DeserializeOwned;

use crate::{
    api::{
        auth::Client,
        ruma::{bad_body, whole},
    },
    app::App,
    error::{ApiError, Result},
};

/// An administrator who calls.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) OwnedUserId);

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = match header.and_then(|text| text.strip_prefix("Bearer ")) {
            Some(token) => token.to_owned(),
            None => Params::of(parts)
                .text("access_token")
                .ok_or_else(|| ApiError::missing_token("This needs an administrator's access token."))?,
        };
        let client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
        let requester = app.sessions.by_token(&token, client.ip, client.user_agent.as_deref(), false).await?;
        app.users.require_admin(&requester.user_id).await?;
        Ok(Self(requester.user_id))
    }
}

/// The parameters in the path, in their order.
#[derive(Debug)]
pub(crate) struct Path(Vec<String>);

impl FromRequestParts<App> for Path {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::invalid_param("The path is not valid UTF-8."))?;
        Ok(Self(params.iter().map(|(_, value)| value.to_owned()).collect()))
    }
}

impl Path {
    /// A parameter as text.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.0.get(index).map_or("", String::as_str)
    }

    /// A parameter as an identifier.
    pub(crate) fn id<T: for<'a> TryFrom<&'a str>>(&self, index: usize) -> Result<T> {
        T::try_from(self.text(index))
            .map_err(|_| ApiError::invalid_param(format!("{} is no identifier that could be here.", self.text(index))))
    }

    /// The first parameter as the id of a user of this server.
    pub(crate) fn user(&self, app: &App) -> Result<OwnedUserId> {
        let user_id: OwnedUserId = self.id(0)?;
        if user_id.server_name() == app.config.server.name {
            return Ok(user_id);
        }
        Err(ApiError::invalid_param("That is not a user of this server."))
    }
}

/// The query's parameters.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl FromRequestParts<App> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        Ok(Self::of(parts))
    }
}

impl Params {
    fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A parameter as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.all(name).next().map(str::to_owned)
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter as a number that is not negative.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>> {
        let parse = |text: String| text.parse().map_err(|_| ApiError::invalid_param(format!("{name} is a number.")));
        self.text(name).map(parse).transpose()
    }

    /// A parameter as true or false.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.text(name).as_deref() {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid_param(format!("{name} is true or false."))),
        }
    }

    /// Whether the order is to be turned round (`dir=b`).
    pub(crate) fn backwards(&self) -> Result<bool> {
        match self.text("dir").as_deref() {
            None | Some("f") => Ok(false),
            Some("b") => Ok(true),
            Some(_) => Err(ApiError::invalid_param("dir is f or b.")),
        }
    }
}

/// One page of a list: what `from` and `limit` cut out, and where the next begins if there is more.
pub(crate) fn page<T>(all: Vec<T>, params: &Params) -> Result<(Vec<T>, Option<usize>)> {
    let (from, limit) = (params.number("from")?.unwrap_or(0), params.number("limit")?.unwrap_or(100));
    let next = from.saturating_add(limit);
    let next = (next < all.len()).then_some(next);
    Ok((all.into_iter().skip(from).take(limit).collect(), next))
}

/// A JSON body; an absent one is an empty object.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let bytes = whole(&parts.headers, body, app).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| bad_body(&error))
    }
}

/// A field that may be absent, `null`, or a value: for changes that leave alone what they do not name.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}
