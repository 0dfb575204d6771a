//! `GET /_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms` (MSC2666): the rooms that two people are in
//! together. ruma has it only behind a feature that the SDK does not switch on.

use matrix_sdk::ruma::{
    OwnedRoomId, OwnedUserId,
    api::{
        EndpointError, IncomingResponse, Metadata, OutgoingRequest,
        auth_scheme::{AccessToken, AuthScheme, SendAccessToken},
        error::{Error, FromHttpResponseError, IntoHttpError},
        path_builder::{PathBuilder, VersionHistory},
    },
    exports::{
        bytes::BufMut,
        http::{self, Method},
    },
};
use serde::Deserialize;

/// With whom.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) user_id: OwnedUserId,
}

/// The rooms.
#[derive(Debug, Deserialize)]
pub(super) struct Response {
    pub(super) joined: Vec<OwnedRoomId>,
}

impl Metadata for Request {
    const METHOD: Method = Method::GET;
    const RATE_LIMITED: bool = true;
    type Authentication = AccessToken;
    type PathBuilder = VersionHistory;
    const PATH_BUILDER: VersionHistory = VersionHistory::new(
        &[(
            Some("uk.half-shot.msc2666.query_mutual_rooms"),
            "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms",
        )],
        &[],
        None,
        None,
    );
}

impl OutgoingRequest for Request {
    type EndpointError = Error;
    type IncomingResponse = Response;

    fn try_into_http_request<T: Default + BufMut + AsRef<[u8]>>(
        self,
        base_url: &str,
        authentication_input: SendAccessToken<'_>,
        path_builder_input: <VersionHistory as PathBuilder>::Input<'_>,
    ) -> Result<http::Request<T>, IntoHttpError> {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("user_id", self.user_id.as_str()).finish();
        let url = Self::PATH_BUILDER.make_endpoint_url(path_builder_input, base_url, &[], &query)?;
        let mut request = http::Request::builder().method(Self::METHOD).uri(url).body(T::default())?;
        AccessToken::add_authentication(&mut request, authentication_input)
            .map_err(|error| IntoHttpError::Authentication(error.into()))?;
        Ok(request)
    }
}

impl IncomingResponse for Response {
    type EndpointError = Error;

    fn try_from_http_response<T: AsRef<[u8]>>(
        response: http::Response<T>,
    ) -> Result<Self, FromHttpResponseError<Error>> {
        if response.status().as_u16() >= 400 {
            return Err(FromHttpResponseError::Server(Error::from_http_response(response)));
        }
        serde_json::from_slice(response.body().as_ref())
            .map_err(|error| FromHttpResponseError::Deserialization(error.into()))
    }
}
