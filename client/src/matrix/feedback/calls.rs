//! The requests of the feedback button, `/_parta/client/v1/feedback`: the server's own, so ruma does not have them. They
//! go through the SDK's client all the same, with its token, its proxy and its certificates.

use std::time::Duration;

use matrix_sdk::{
    Client, HttpError,
    config::RequestConfig,
    ruma::{
        api::{
            EndpointError, IncomingResponse, Metadata, OutgoingRequest,
            auth_scheme::{AccessToken, AuthScheme, SendAccessToken},
            error::{Error, ErrorKind, FromHttpResponseError, IntoHttpError, RetryAfter},
            path_builder::{PathBuilder, SinglePath},
        },
        exports::{
            bytes::BufMut,
            http::{self, Method, StatusCode, header},
        },
    },
};
use serde_json::{Value, json};

use crate::model::feedback::{
    Known,
    queue::{Fault, Refusal, Waiting},
};

/// For a picture on its way through a slow network.
const PATIENCE: Duration = Duration::from_mins(2);
/// Reports asked for: as many as the server gives at once.
const LIMIT: &str = "limit=100";

/// What a request sends.
enum Body {
    Nothing,
    Json(Value),
    Bytes(Vec<u8>),
}

/// The requests differ in this alone.
trait Call: Clone + Send + Sync + 'static {
    const METHOD: Method;
    const PATH: SinglePath;

    fn number(&self) -> Option<i64> {
        None
    }
    fn query(&self) -> &'static str {
        ""
    }
    fn body(self) -> Body;
}

#[derive(Clone)]
struct List;
#[derive(Clone)]
struct Report(Value);
#[derive(Clone)]
struct Attach(Vec<u8>);
#[derive(Clone)]
struct Read(i64);

impl Call for List {
    const METHOD: Method = Method::GET;
    const PATH: SinglePath = SinglePath::new("/_parta/client/v1/feedback");

    fn query(&self) -> &'static str {
        LIMIT
    }
    fn body(self) -> Body {
        Body::Nothing
    }
}

impl Call for Report {
    const METHOD: Method = Method::POST;
    const PATH: SinglePath = SinglePath::new("/_parta/client/v1/feedback");

    fn body(self) -> Body {
        Body::Json(self.0)
    }
}

impl Call for Attach {
    const METHOD: Method = Method::POST;
    const PATH: SinglePath = SinglePath::new("/_parta/client/v1/feedback/attachments");

    fn body(self) -> Body {
        Body::Bytes(self.0)
    }
}

impl Call for Read {
    const METHOD: Method = Method::POST;
    const PATH: SinglePath = SinglePath::new("/_parta/client/v1/feedback/{id}/read");

    fn number(&self) -> Option<i64> {
        Some(self.0)
    }
    fn body(self) -> Body {
        Body::Json(json!({}))
    }
}

#[derive(Clone)]
struct Request<C>(C);

/// What a person wrote is not for a log.
impl<C> std::fmt::Debug for Request<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Request")
    }
}

impl<C: Call> Metadata for Request<C> {
    const METHOD: Method = C::METHOD;
    const RATE_LIMITED: bool = true;
    type Authentication = AccessToken;
    type PathBuilder = SinglePath;
    const PATH_BUILDER: SinglePath = C::PATH;
}

impl<C: Call> OutgoingRequest for Request<C> {
    type EndpointError = Error;
    type IncomingResponse = Response;

    fn try_into_http_request<T: Default + BufMut + AsRef<[u8]>>(
        self,
        base_url: &str,
        authentication_input: SendAccessToken<'_>,
        path_builder_input: <SinglePath as PathBuilder>::Input<'_>,
    ) -> Result<http::Request<T>, IntoHttpError> {
        let number = self.0.number();
        let number = number.as_ref().map(|number| number as &dyn std::fmt::Display);
        let url = C::PATH.make_endpoint_url(path_builder_input, base_url, number.as_slice(), self.0.query())?;
        let mut request = http::Request::builder().method(C::METHOD).uri(url);
        let mut body = T::default();
        match self.0.body() {
            Body::Nothing => {}
            Body::Json(json) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                body.put_slice(&serde_json::to_vec(&json)?);
            }
            Body::Bytes(bytes) => {
                request = request.header(header::CONTENT_TYPE, "application/octet-stream");
                body.put_slice(&bytes);
            }
        }
        let mut request = request.body(body)?;
        AccessToken::add_authentication(&mut request, authentication_input)
            .map_err(|error| IntoHttpError::Authentication(error.into()))?;
        Ok(request)
    }
}

/// Whatever JSON it is.
struct Response(Value);

impl IncomingResponse for Response {
    type EndpointError = Error;

    fn try_from_http_response<T: AsRef<[u8]>>(
        response: http::Response<T>,
    ) -> Result<Self, FromHttpResponseError<Error>> {
        if response.status().as_u16() >= 400 {
            return Err(FromHttpResponseError::Server(Error::from_http_response(response)));
        }
        serde_json::from_slice(response.body().as_ref())
            .map(Self)
            .map_err(|error| FromHttpResponseError::Deserialization(error.into()))
    }
}

async fn call(client: &Client, call: impl Call) -> Result<Value, HttpError> {
    // The queue repeats what did not work, with its own pauses.
    let config = RequestConfig::new().disable_retry().timeout(PATIENCE);
    let answer = client.send(Request(call)).with_request_config(config).await?;
    Ok(answer.0)
}

/// Why the reports were not told.
pub(super) enum Silence {
    /// The server knows nothing of feedback
    Absent,
    /// It does not answer, or not so that it could be understood
    Away,
}

/// One's own reports, the newest first.
pub(super) async fn list(client: &Client) -> Result<Known, Silence> {
    let answer = call(client, List).await.map_err(|error| {
        tracing::debug!(%error, "the reports were not told");
        if is_absent(&error) { Silence::Absent } else { Silence::Away }
    })?;
    serde_json::from_value(answer).map_err(|error| {
        tracing::warn!(%error, "the reports are not understood");
        Silence::Away
    })
}

/// Notes that the answers to a report were read.
pub(super) async fn read(client: &Client, id: i64) {
    if let Err(error) = call(client, Read(id)).await {
        tracing::info!(%error, "the server does not know that an answer was read");
    }
}

/// Uploads a picture. Returns where it is.
pub(super) async fn attach(client: &Client, bytes: Vec<u8>) -> Result<String, Fault> {
    let answer = call(client, Attach(bytes)).await.map_err(|error| fault(&error, true))?;
    answer["content_uri"].as_str().map(str::to_owned).ok_or(Fault::Away)
}

/// Sends a report.
pub(super) async fn send(client: &Client, report: &Waiting, picture: Option<(&str, &str)>) -> Result<(), Fault> {
    call(client, Report(content(report, picture))).await.map(|_| ()).map_err(|error| fault(&error, false))
}

/// The body of a report; of its picture, name and address.
fn content(report: &Waiting, picture: Option<(&str, &str)>) -> Value {
    let attachments: Vec<Value> =
        picture.iter().map(|(name, uri)| json!({ "name": name, "content_uri": uri })).collect();
    json!({
        "kind": report.kind,
        "text": report.text,
        "diagnostics": report.diagnostics,
        "attachments": attachments,
        "client_id": report.client_id,
    })
}

fn is_absent(error: &HttpError) -> bool {
    error.as_client_api_error().is_some_and(|error| error.status_code == StatusCode::NOT_FOUND)
}

fn fault(error: &HttpError, of_picture: bool) -> Fault {
    tracing::info!(%error, of_picture, "a report was not taken");
    let Some(told) = error.as_client_api_error() else { return Fault::Away };
    match (told.error_kind(), told.status_code) {
        (Some(kind), status) => of_kind(kind, status, of_picture),
        // A gateway has a limit of its own.
        (None, StatusCode::PAYLOAD_TOO_LARGE) => Fault::Refused(Refusal::Picture),
        (None, _) => Fault::Away,
    }
}

fn of_kind(kind: &ErrorKind, status: StatusCode, of_picture: bool) -> Fault {
    match kind {
        ErrorKind::LimitExceeded(limit) => Fault::Limited(match &limit.retry_after {
            Some(RetryAfter::Delay(delay)) => Some(*delay),
            _ => None,
        }),
        ErrorKind::Forbidden | ErrorKind::Unrecognized => Fault::Refused(Refusal::Off),
        ErrorKind::NotFound if !of_picture => Fault::PictureGone,
        ErrorKind::UnknownToken(_) | ErrorKind::MissingToken => Fault::Away,
        _ if status.is_client_error() => Fault::Refused(if of_picture { Refusal::Picture } else { Refusal::Words }),
        _ => Fault::Away,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use matrix_sdk::ruma::api::error::LimitExceededErrorData;

    use super::*;
    use crate::model::feedback::Kind;

    fn url<C: Call>(call: C) -> (String, String) {
        let request: http::Request<Vec<u8>> =
            Request(call).try_into_http_request("https://a.b/", SendAccessToken::IfRequired("t"), ()).unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer t");
        (request.uri().to_string(), String::from_utf8(request.into_body()).unwrap())
    }

    #[test]
    fn requests_go_where_the_server_expects_them() {
        assert_eq!(url(List), ("https://a.b/_parta/client/v1/feedback?limit=100".into(), String::new()));
        assert_eq!(url(Read(7)), ("https://a.b/_parta/client/v1/feedback/7/read".into(), "{}".into()));
        let (at, body) = url(Attach(b"png".to_vec()));
        assert_eq!((at.as_str(), body.as_str()), ("https://a.b/_parta/client/v1/feedback/attachments", "png"));
    }

    #[test]
    fn a_report_says_what_was_shown_and_no_more() {
        let report = Waiting {
            client_id: "c".into(),
            kind: Kind::Praise,
            text: "Хорошо".into(),
            diagnostics: BTreeMap::from([("language".into(), "ru".into())]),
            picture: true,
            ..Waiting::default()
        };
        assert_eq!(
            content(&report, Some(("window.png", "mxc://a/b"))),
            json!({
                "kind": "praise", "text": "Хорошо", "diagnostics": {"language": "ru"}, "client_id": "c",
                "attachments": [{"name": "window.png", "content_uri": "mxc://a/b"}],
            })
        );
    }

    #[test]
    fn what_the_server_answers_decides_what_becomes_of_a_report() {
        let (bad, none) = (StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND);
        assert_eq!(of_kind(&ErrorKind::Forbidden, StatusCode::FORBIDDEN, true), Fault::Refused(Refusal::Off));
        assert_eq!(of_kind(&ErrorKind::NotFound, none, false), Fault::PictureGone);
        assert_eq!(of_kind(&ErrorKind::InvalidParam, bad, true), Fault::Refused(Refusal::Picture));
        assert_eq!(of_kind(&ErrorKind::InvalidParam, bad, false), Fault::Refused(Refusal::Words));
        assert_eq!(of_kind(&ErrorKind::Unknown, StatusCode::INTERNAL_SERVER_ERROR, false), Fault::Away);
        let mut limit = LimitExceededErrorData::new();
        limit.retry_after = Some(RetryAfter::Delay(Duration::from_secs(9)));
        let limited = of_kind(&ErrorKind::LimitExceeded(limit), StatusCode::TOO_MANY_REQUESTS, false);
        assert_eq!(limited, Fault::Limited(Some(Duration::from_secs(9))));
    }
}
