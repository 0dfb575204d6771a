//! Single calls to an application service.

use std::time::{Duration, Instant};

use http::StatusCode;
use ruma::api::error::{BadStatusErrorData, ErrorKind};
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::networks::Fields;
use crate::{
    domain::appservices::Appservice,
    error::{ApiError, Result},
};

/// How long an application service may take for a transaction.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long it may take for a query: somebody waits for it who would rather hear that there is no such room.
const QUERY_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take for a ping, which somebody waits for.
const PING_PATIENCE: Duration = Duration::from_secs(15);
/// How much of an answer to a ping is passed on.
const MAX_BODY: usize = 4_096;

/// Makes calls. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Calls(reqwest::Client);

/// Why a transaction was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Connection(#[from] reqwest::Error),
}

impl Calls {
    pub(super) fn new() -> anyhow::Result<Self> {
        // An application service is on this network: what the environment says of proxies is not meant for it.
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .connect_timeout(Duration::from_secs(10))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self(client))
    }

    /// Sends a transaction; it is taken if this is `Ok`.
    pub(super) async fn transaction(&self, appservice: &Appservice, txn: &str, body: String) -> Result<(), CallError> {
        let Some(url) = address(appservice, &["transactions", txn]) else { return Ok(()) };
        let request = self.0.put(url).header(http::header::CONTENT_TYPE, "application/json");
        let response = request.bearer_auth(&appservice.hs_token).body(body).send().await?;
        if response.status().is_success() { Ok(()) } else { Err(CallError::Status(response.status())) }
    }

    /// Asks for a user or a room alias. One that cannot be reached knows neither.
    pub(super) async fn query(&self, appservice: &Appservice, kind: &str, id: &str) -> bool {
        let Some(url) = address(appservice, &[kind, id]) else { return false };
        let request = self.0.get(url).bearer_auth(&appservice.hs_token).timeout(QUERY_PATIENCE);
        match request.send().await {
            Ok(response) => response.status() == StatusCode::OK,
            Err(error) => {
                tracing::warn!(appservice = appservice.id, %error, "an application service could not be asked");
                false
            }
        }
    }

    /// Asks for anything else. One that cannot be reached or does not answer as it should has nothing.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        appservice: &Appservice,
        path: &[&str],
        query: &Fields,
    ) -> Option<T> {
        let mut url = address(appservice, path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.0.get(url).bearer_auth(&appservice.hs_token).timeout(QUERY_PATIENCE);
        match found(request).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(appservice = appservice.id, %error, "an application service could not be asked");
                None
            }
        }
    }

    /// <https://spec.matrix.org/v1.18/application-service-api/#pinging>
    pub(super) async fn ping(&self, appservice: &Appservice, transaction_id: Option<&str>) -> Result<Duration> {
        let Some(url) = address(appservice, &["ping"]) else {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                ErrorKind::UrlNotSet,
                "The application service's registration has no url.",
            ));
        };
        let body = transaction_id.map_or_else(|| json!({}), |id| json!({ "transaction_id": id }));
        let started = Instant::now();
        let request = self.0.post(url).bearer_auth(&appservice.hs_token).timeout(PING_PATIENCE).json(&body);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(started.elapsed());
        }
        let mut data = BadStatusErrorData::new();
        data.status = Some(status);
        data.body = response.text().await.ok().map(|text| text.chars().take(MAX_BODY).collect());
        Err(ApiError::new(
            StatusCode::BAD_GATEWAY,
            ErrorKind::BadStatus(data),
            format!("The application service answered {status}."),
        ))
    }
}

async fn found<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<Option<T>, reqwest::Error> {
    let response = request.send().await?;
    if response.status() == StatusCode::OK { response.json().await.map(Some) } else { Ok(None) }
}

fn unreachable(error: reqwest::Error) -> ApiError {
    if error.is_timeout() {
        let message = "The application service did not answer in time.";
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, ErrorKind::ConnectionTimeout, message)
    } else {
        let message = "The application service could not be reached. Check the url of its registration.";
        ApiError::new(StatusCode::BAD_GATEWAY, ErrorKind::ConnectionFailed, message)
    }
}

/// The address of an endpoint; `None` for an application service without one.
fn address(appservice: &Appservice, path: &[&str]) -> Option<Url> {
    let mut url = appservice.url.clone()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(["_matrix", "app", "v1"]).extend(path);
    Some(url)
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    #[test]
    fn ids_are_escaped_and_a_path_is_kept() {
        let yaml = |url: &str| {
            format!("id: a\nurl: {url}\nas_token: a\nhs_token: b\nsender_localpart: bot\nnamespaces: {{}}\n")
        };
        let appservice = |url: &str| Appservice::parse("a.yaml".as_ref(), &yaml(url), server_name!("x")).unwrap();
        let at = |url: &str| address(&appservice(url), &["rooms", "#a/b:x"]).unwrap().to_string();
        assert_eq!(at("http://h:1"), "http://h:1/_matrix/app/v1/rooms/%23a%2Fb:x");
        assert_eq!(at("http://h:1/bridge/"), "http://h:1/bridge/_matrix/app/v1/rooms/%23a%2Fb:x");
        assert!(address(&appservice("null"), &["ping"]).is_none());
    }
}
