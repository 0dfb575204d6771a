//! The ruma request type is the route: path, method and authentication scheme come from the type.
//!
//! A handler gets a parsed request and the caller that its scheme promises; it cannot forget to authenticate.
//!
//! What stands here is compiled for every endpoint or once for all of them, and there are 150. So a handler is hidden
//! behind one type as soon as may be (`Handle`): only parsing its request, boxing its future and writing down its
//! answer know the types; all else, and all that axum makes of a handler, is compiled once an authentication scheme.

use std::{future::Future, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRequestParts as _, RawPathParams, Request, State},
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use ruma::api::{
    IncomingRequest, OutgoingResponse,
    error::{DeserializationError, FromHttpRequestError},
    path_builder::PathBuilder as _,
};
use serde::de::IgnoredAny;

use super::auth::{Authenticate, Client, Context};
use crate::{
    app::App,
    error::{ApiError, Result},
};

/// The longest part of a path in bytes: names and ids have at most 255, a file's name may have more.
const MAX_PATH_PARAMETER: usize = 1024;

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

/// A request that is not parsed yet. Who calls is settled, and its body is read if it is to be read whole.
struct Head<A: Authenticate> {
    request: http::Request<Bytes>,
    path: Vec<String>,
    caller: A::Caller,
    client: Client,
    /// What is not read of the body.
    stream: Body,
}

/// How the body of a request comes to its handler.
#[derive(Clone, Copy)]
enum Reading {
    Whole,
    Streamed,
}

impl<A: Authenticate> Head<A> {
    async fn read(request: Request, app: &App, reading: Reading) -> Result<Self> {
        let client = request.extensions().get::<Client>().cloned().unwrap_or_default();
        let (mut parts, body) = request.into_parts();
        let path = path(&mut parts, app).await?;
        let request = http::Request::from_parts(parts, Bytes::new());
        // Who calls is settled before the body is read.
        let token = A::extract_authentication(&request)
            .map_err(|_| ApiError::missing_token("This needs an access token. Sign in first."))?;
        let caller = A::authenticate(app, token, &Context { request: &request, client: &client }).await?;
        let (bytes, stream) = match reading {
            Reading::Whole => (whole(request.headers(), body, app).await?, Body::empty()),
            Reading::Streamed => (Bytes::new(), body),
        };
        Ok(Self { request: request.map(|_| bytes), path, caller, client, stream })
    }
}

/// The parameters in a path.
async fn path(parts: &mut Parts, app: &App) -> Result<Vec<String>> {
    let path = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|_| ApiError::invalid_param("The path is not valid UTF-8."))?;
    let path: Vec<String> = path.iter().map(|(_, value)| value.to_owned()).collect();
    if path.iter().any(|value| value.len() > MAX_PATH_PARAMETER || value.contains('\0')) {
        return Err(ApiError::invalid_param("A part of the path is too long or holds the character U+0000."));
    }
    Ok(path)
}

/// The length that a body announces.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body whole, within the limits of size and time: a JSON object, which is empty where there is no body.
///
/// # Errors
///
/// `M_TOO_LARGE`, before anything is read where the length is announced; `M_UNKNOWN` for one that breaks off or does not
/// come in time; `M_NOT_JSON` and `M_BAD_JSON`.
pub(crate) async fn whole(headers: &HeaderMap, body: Body, app: &App) -> Result<Bytes> {
    let limits = &app.config.limits;
    let too_large = || ApiError::too_large("The request is too large.");
    if announced(headers).is_some_and(|length| length > limits.max_request_bytes as u64) {
        return Err(too_large());
    }
    let reading = Limited::new(body, limits.max_request_bytes).collect();
    match tokio::time::timeout(Duration::from_secs(limits.idle_seconds), reading).await {
        Ok(Ok(read)) => object(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::unknown("The request's body could not be read.")),
        Err(_) => Err(ApiError::unknown("The request's body did not come in time.")),
    }
}

/// A body that is one whole JSON object in UTF-8. Later parsers see less: they pass over what no field wants, stop where
/// the value ends, and take an array for an object. No body is an empty object: there are clients that join and leave
/// rooms without one, and ruma allows them so everywhere but where it parses by hand, as for joining and knocking.
fn object(body: Bytes) -> Result<Bytes> {
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let text = std::str::from_utf8(&body).map_err(|_| ApiError::not_json("The request is not UTF-8."))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|e| bad_body(&e))?;
    if !text.trim_start().starts_with('{') {
        return Err(ApiError::bad_json("The request is not a JSON object."));
    }
    Ok(body)
}

fn parse<R: IncomingRequest>(request: http::Request<Bytes>, path: &[String]) -> Result<R> {
    R::try_from_http_request(request, path).map_err(bad_request)
}

/// A request that does not parse, in the specification's terms.
fn bad_request(error: FromHttpRequestError) -> ApiError {
    let FromHttpRequestError::Deserialization(error) = error else {
        return ApiError::unrecognized("There is no such endpoint.");
    };
    match error {
        DeserializationError::Json(e) => bad_body(&e),
        DeserializationError::Utf8(_) => ApiError::not_json("The request is not UTF-8."),
        e => ApiError::invalid_param(format!("A part of the request cannot be used: {e}")),
    }
}

/// Refuses a word that is none of the specification's: ruma takes any, to be ready for later ones.
pub(super) fn one_of(name: &str, value: &impl AsRef<str>, words: &[&str]) -> Result<()> {
    if words.contains(&value.as_ref()) {
        return Ok(());
    }
    Err(ApiError::invalid_param(format!("{name} is one of: {}.", words.join(", "))))
}

/// A body that does not parse, in the specification's terms.
pub(crate) fn bad_body(error: &serde_json::Error) -> ApiError {
    if error.is_data() {
        ApiError::bad_json(format!("The request is not of the right form: {error}"))
    } else {
        ApiError::not_json(format!("The request is not JSON: {error}"))
    }
}

/// An answer that is being made.
type Answering = BoxFuture<'static, Result<Response>>;
/// A handler of requests of any type.
type Handle<A> = Arc<dyn Fn(App, Head<A>) -> Result<Answering> + Send + Sync>;

/// Adds an endpoint by its handler's request type.
pub trait RumaRouter: Sized {
    /// Serves every path of a request type, old and new.
    #[must_use]
    fn at(self, paths: Vec<&'static str>, serving: MethodRouter<App>) -> Self;

    /// Routes every path of the request type to the handler.
    #[must_use]
    fn endpoint<R, F, Fut>(self, handler: F) -> Self
    where
        R: IncomingRequest + 'static,
        R::Authentication: Authenticate,
        F: Fn(State<App>, Ruma<R>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R::OutgoingResponse>> + Send + 'static,
    {
        let handle = move |app: App, head: Head<R::Authentication>| -> Result<Answering> {
            let Head { request, path, caller, client, .. } = head;
            let body = parse::<R>(request, &path)?;
            let answer = handler(State(app), Ruma { body, caller, client });
            Ok(Box::pin(async move { written(answer.await?) }))
        };
        let serving = serving::<R::Authentication>(R::METHOD, Reading::Whole, Arc::new(handle));
        self.at(R::PATH_BUILDER.all_paths().collect(), serving)
    }

    /// Routes every path of the request type to a handler that streams: it sees the body as it comes in and answers with
    /// a response of its own making.
    #[must_use]
    fn streaming<R, F, Fut>(self, handler: F) -> Self
    where
        R: IncomingRequest + 'static,
        R::Authentication: Authenticate,
        F: Fn(State<App>, Streamed<R>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response>> + Send + 'static,
    {
        let handle = move |app: App, head: Head<R::Authentication>| -> Result<Answering> {
            let Head { request, path, caller, stream, .. } = head;
            let headers = request.headers().clone();
            let body = parse::<R>(request, &path)?;
            Ok(Box::pin(handler(State(app), Streamed { body, caller, headers, stream })))
        };
        let serving = serving::<R::Authentication>(R::METHOD, Reading::Streamed, Arc::new(handle));
        self.at(R::PATH_BUILDER.all_paths().collect(), serving)
    }
}

impl RumaRouter for Router<App> {
    fn at(self, paths: Vec<&'static str>, serving: MethodRouter<App>) -> Self {
        let paths = paths.into_iter().flat_map(variants);
        paths.fold(self, |router, path| router.route(&path, serving.clone()))
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

fn serving<A: Authenticate>(method: Method, reading: Reading, handle: Handle<A>) -> MethodRouter<App> {
    let method = MethodFilter::try_from(method).expect("ruma's methods are HTTP's");
    on(method, move |State(app): State<App>, request: Request| serve(app, request, reading, handle.clone()))
}

async fn serve<A: Authenticate>(app: App, request: Request, reading: Reading, handle: Handle<A>) -> Result<Response> {
    let head = Head::<A>::read(request, &app, reading).await?;
    handle(app, head)?.await
}

fn written<T: OutgoingResponse>(response: T) -> Result<Response> {
    Ok(response.try_into_http_response::<Vec<u8>>()?.map(Body::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_nothing_or_an_object() {
        assert_eq!(object(Bytes::new()).unwrap(), "{}");
        for good in ["{}", " {\"a\":[1]} \n", "{\"ы\":\"\\u0000\"}"] {
            assert_eq!(object(Bytes::from_static(good.as_bytes())).unwrap(), good);
        }
        for bad in [&b" "[..], b"{}{}", b"{} x", b"[]", b"[{}]", b"null", b"7", b"{", b"{\"a\":\"\xe9\"}", b"\xff"] {
            assert!(object(Bytes::from_static(bad)).is_err(), "{bad:?}");
        }
    }
}
