//! The ruma request type is the route: path, method, authentication scheme and rate-limit flag come from the type.
//!
//! A handler gets a parsed request and the caller that its scheme promises; it cannot forget to authenticate.

use std::{future::Future, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, RawPathParams, Request, State},
    response::{IntoResponse, Response},
    routing::{MethodFilter, on},
};
use http::HeaderMap;
use ruma::api::{
    IncomingRequest,
    auth_scheme::{
        AccessToken, AccessTokenOptional, AppserviceToken, AppserviceTokenOptional, AuthScheme, NoAccessToken,
        NoAuthentication,
    },
    error::{DeserializationError, FromHttpRequestError},
    path_builder::PathBuilder,
};

use crate::{
    app::App,
    domain::{
        appservices::{Appservice, Appservices},
        sessions::{self, Requester},
    },
    error::{ApiError, Result},
};

/// The longest part of a path in bytes: names and ids have at most 255, a file's name may have more.
const MAX_PATH_PARAMETER: usize = 1024;

/// Where a request came from, as far as it matters to the domain.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The address: the peer's, or the forwarded one where a trusted proxy says so.
    pub ip: Option<IpAddr>,
    /// The `User-Agent`, cut to 200 characters.
    pub user_agent: Option<String>,
}

/// What stands in a request besides its body that authentication looks at.
#[derive(Debug)]
pub struct Context<'a> {
    /// The decoded query.
    pub query: Option<&'a str>,
    /// Where it came from.
    pub client: &'a Client,
    /// The headers.
    pub headers: &'a HeaderMap,
}

impl Context<'_> {
    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query?.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A token that was sent although the endpoint needs none.
    fn token(&self) -> Option<String> {
        let header = self.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match header.and_then(|header| header.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.to_owned()),
            _ => self.query("access_token"),
        }
    }
}

/// What a handler learns about its caller, decided by the endpoint's authentication scheme.
pub trait Authenticate: AuthScheme {
    /// The caller.
    type Caller: std::fmt::Debug + Send + 'static;

    /// Finds out who calls.
    fn authenticate(
        app: &App,
        token: Self::Output,
        context: &Context<'_>,
    ) -> impl Future<Output = Result<Self::Caller>> + Send;
}

impl Authenticate for NoAuthentication {
    type Caller = ();

    async fn authenticate(_: &App, (): (), _: &Context<'_>) -> Result<()> {
        Ok(())
    }
}

impl Authenticate for NoAccessToken {
    /// An application service that shows its token all the same.
    type Caller = Option<Arc<Appservice>>;

    async fn authenticate(app: &App, (): (), context: &Context<'_>) -> Result<Option<Arc<Appservice>>> {
        Ok(context.token().and_then(|token| app.appservices.by_token(&token)))
    }
}

impl Authenticate for AccessToken {
    type Caller = Requester;

    async fn authenticate(app: &App, token: String, context: &Context<'_>) -> Result<Requester> {
        let Some(appservice) = app.appservices.by_token(&token) else {
            let client = context.client;
            return app.sessions.by_token(&token, client.ip, client.user_agent.as_deref()).await;
        };
        // https://spec.matrix.org/v1.18/application-service-api/#identity-assertion
        let user_id = Appservices::acts_as(&appservice, context.query("user_id").as_deref())?;
        let suspended = match app.users.get(&user_id).await?.as_deref() {
            None => return Err(ApiError::forbidden("The application service has not registered this user.")),
            Some(account) if account.deactivated => {
                return Err(ApiError::user_deactivated("This account was closed. Ask an administrator."));
            }
            Some(account) if account.locked => return Err(sessions::locked()),
            Some(account) => account.suspended,
        };
        let device_id = context.query("device_id").map(Into::into);
        Ok(Requester { user_id, device_id, appservice: Some(appservice), token: None, suspended })
    }
}

impl Authenticate for AccessTokenOptional {
    type Caller = Option<Requester>;

    async fn authenticate(app: &App, token: Option<String>, context: &Context<'_>) -> Result<Option<Requester>> {
        match token {
            Some(token) => AccessToken::authenticate(app, token, context).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Authenticate for AppserviceToken {
    type Caller = Arc<Appservice>;

    async fn authenticate(app: &App, token: String, context: &Context<'_>) -> Result<Arc<Appservice>> {
        if let Some(appservice) = app.appservices.by_token(&token) {
            return Ok(appservice);
        }
        let client = context.client;
        app.sessions.by_token(&token, client.ip, client.user_agent.as_deref()).await?;
        Err(ApiError::forbidden("Only an application service may do this."))
    }
}

impl Authenticate for AppserviceTokenOptional {
    type Caller = Option<Arc<Appservice>>;

    async fn authenticate(app: &App, token: Option<String>, _: &Context<'_>) -> Result<Option<Arc<Appservice>>> {
        // A client may well send its old access token along with a sign-in; it is nobody's application service.
        Ok(token.and_then(|token| app.appservices.by_token(&token)))
    }
}

/// A parsed Matrix request and its authenticated caller.
#[derive(Debug)]
pub struct Ruma<R: IncomingRequest>
where
    R::Authentication: Authenticate,
{
    /// The request.
    pub body: R,
    /// Who calls.
    pub caller: <R::Authentication as Authenticate>::Caller,
    /// Where from.
    pub client: Client,
    /// The body's bytes as they came: for what ruma's types do not keep (`auth` of user-interactive authentication).
    pub raw: Bytes,
}

impl<R> FromRequest<App> for Ruma<R>
where
    R: IncomingRequest + Send + 'static,
    R::Authentication: Authenticate,
    <R::Authentication as AuthScheme>::Output: Send,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let Head { parts, path, caller, client, body } = Head::<R>::read(request, app).await?;
        // What announces itself as too large is not read first.
        let announced = parts.headers.get(http::header::CONTENT_LENGTH);
        let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or_default();
        if announced > app.config.limits.max_request_bytes as u64 {
            return Err(ApiError::too_large("The request is too large."));
        }
        let reading = Bytes::from_request(Request::from_parts(parts.clone(), body), app);
        let raw = tokio::time::timeout(Duration::from_secs(app.config.limits.idle_seconds), reading)
            .await
            .map_err(|_| ApiError::unknown("The request's body did not come in time."))?
            .map_err(|rejection| match rejection.into_response().status() {
                http::StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large("The request is too large."),
                _ => ApiError::unknown("The request's body could not be read."),
            })?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let request = http::Request::from_parts(parts, &raw[..]);
        let body = R::try_from_http_request(request, &path).map_err(bad_request)?;
        Ok(Self { body, caller, client, raw })
    }
}

/// A Matrix request whose body or answer is a stream of bytes: media. Parsed but for its body, with its authenticated
/// caller.
#[derive(Debug)]
pub struct Streamed<R: IncomingRequest>
where
    R::Authentication: Authenticate,
{
    /// The request; what would be its body's bytes is empty.
    pub body: R,
    /// Who calls.
    pub caller: <R::Authentication as Authenticate>::Caller,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it comes in. No limit stands on it but the handler's own.
    pub stream: Body,
}

impl<R> FromRequest<App> for Streamed<R>
where
    R: IncomingRequest + Send + 'static,
    R::Authentication: Authenticate,
    <R::Authentication as AuthScheme>::Output: Send,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let Head { parts, path, caller, body: stream, .. } = Head::<R>::read(request, app).await?;
        let headers = parts.headers.clone();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let request = http::Request::from_parts(parts, &[][..]);
        let body = R::try_from_http_request(request, &path).map_err(bad_request)?;
        Ok(Self { body, caller, headers, stream })
    }
}

/// A request before its body is read: who calls is settled first.
struct Head<R: IncomingRequest>
where
    R::Authentication: Authenticate,
{
    parts: http::request::Parts,
    path: Vec<String>,
    caller: <R::Authentication as Authenticate>::Caller,
    client: Client,
    body: Body,
}

impl<R> Head<R>
where
    R: IncomingRequest,
    R::Authentication: Authenticate,
    <R::Authentication as AuthScheme>::Output: Send,
{
    async fn read(request: Request, app: &App) -> Result<Self> {
        let client = request.extensions().get::<Client>().cloned().unwrap_or_default();
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app)
            .await
            .map_err(|_| ApiError::invalid_param("The path is not valid UTF-8."))?;
        let path: Vec<String> = path.iter().map(|(_, value)| value.to_owned()).collect();
        if path.iter().any(|value| value.len() > MAX_PATH_PARAMETER || value.contains('\0')) {
            return Err(ApiError::invalid_param("A part of the path is too long or holds the character U+0000."));
        }
        let token = R::Authentication::extract_authentication(&http::Request::from_parts(parts.clone(), Bytes::new()))
            .map_err(|_| ApiError::missing_token("This needs an access token. Sign in first."))?;
        let context = Context { query: parts.uri.query(), client: &client, headers: &parts.headers };
        let caller = R::Authentication::authenticate(app, token, &context).await?;
        Ok(Self { parts, path, caller, client, body })
    }
}

/// A request that does not parse, in the specification's terms.
fn bad_request(error: FromHttpRequestError) -> ApiError {
    let FromHttpRequestError::Deserialization(error) = error else {
        return ApiError::unrecognized("There is no such endpoint.");
    };
    match error {
        DeserializationError::Json(e) if e.is_data() => {
            ApiError::bad_json(format!("The request is not of the right form: {e}"))
        }
        DeserializationError::Json(e) => ApiError::not_json(format!("The request is not JSON: {e}")),
        DeserializationError::Utf8(_) => ApiError::not_json("The request is not UTF-8."),
        e => ApiError::invalid_param(format!("A part of the request cannot be used: {e}")),
    }
}

/// Adds an endpoint by its handler's request type.
pub trait RumaRouter {
    /// Routes every path of the request type, old and new, to the handler.
    #[must_use]
    fn endpoint<R, F, Fut>(self, handler: F) -> Self
    where
        R: IncomingRequest + Send + 'static,
        R::Authentication: Authenticate,
        <R::Authentication as AuthScheme>::Output: Send,
        R::OutgoingResponse: Send,
        F: Fn(State<App>, Ruma<R>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R::OutgoingResponse>> + Send + 'static;

    /// Routes every path of the request type to a handler that streams: it sees the body as it comes in and answers with
    /// a response of its own making.
    #[must_use]
    fn streaming<R, F, Fut>(self, handler: F) -> Self
    where
        R: IncomingRequest + Send + 'static,
        R::Authentication: Authenticate,
        <R::Authentication as AuthScheme>::Output: Send,
        F: Fn(State<App>, Streamed<R>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Response>> + Send + 'static;
}

impl RumaRouter for Router<App> {
    fn endpoint<R, F, Fut>(self, handler: F) -> Self
    where
        R: IncomingRequest + Send + 'static,
        R::Authentication: Authenticate,
        <R::Authentication as AuthScheme>::Output: Send,
        R::OutgoingResponse: Send,
        F: Fn(State<App>, Ruma<R>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<R::OutgoingResponse>> + Send + 'static,
    {
        let method = MethodFilter::try_from(R::METHOD).expect("ruma's methods are HTTP's");
        R::PATH_BUILDER.all_paths().flat_map(variants).fold(self, |router, path| {
            let handler = handler.clone();
            router.route(
                &path,
                on(method, move |state: State<App>, request: Ruma<R>| {
                    let handler = handler.clone();
                    async move { answer(handler(state, request).await) }
                }),
            )
        })
    }

    fn streaming<R, F, Fut>(self, handler: F) -> Self
    where
        R: IncomingRequest + Send + 'static,
        R::Authentication: Authenticate,
        <R::Authentication as AuthScheme>::Output: Send,
        F: Fn(State<App>, Streamed<R>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Response>> + Send + 'static,
    {
        let method = MethodFilter::try_from(R::METHOD).expect("ruma's methods are HTTP's");
        R::PATH_BUILDER.all_paths().fold(self, |router, path| {
            let handler = handler.clone();
            router.route(path, on(method, move |state: State<App>, request: Streamed<R>| handler(state, request)))
        })
    }
}

/// The path of a room's summary before it was specified, and the other one, which ruma does not know (MSC3266).
const OLD_SUMMARIES: [&str; 2] = [
    "/_matrix/client/unstable/im.nheko.summary/rooms/{room_id_or_alias}/summary",
    "/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}",
];

/// A path and, where it ends in a state key, the same without one: an empty key may be left out with its slash.
/// <https://spec.matrix.org/v1.18/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey>
fn variants(path: &'static str) -> Vec<String> {
    match path.strip_suffix("/{state_key}") {
        Some(rest) => vec![path.to_owned(), rest.to_owned(), format!("{rest}/")],
        None if path == OLD_SUMMARIES[0] => OLD_SUMMARIES.map(str::to_owned).into(),
        None => vec![path.to_owned()],
    }
}

fn answer<T: ruma::api::OutgoingResponse>(result: Result<T>) -> Response {
    match result {
        Ok(response) => match response.try_into_http_response::<Vec<u8>>() {
            Ok(response) => response.map(Body::from),
            Err(e) => ApiError::from(e).into_response(),
        },
        Err(e) => e.into_response(),
    }
}
