//! The devices of a user.

use axum::extract::State;
use http::StatusCode;
use ruma::{
    api::{
        IncomingRequest, Metadata, OutgoingResponse,
        client::device::{self, delete_device, delete_devices, get_device, get_devices, update_device},
        error::{FromHttpRequestError, IntoHttpError},
    },
    exports::bytes::BufMut,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    clock,
    domain::devices::{Device, no_device},
    error::Result,
};

/// A device as its owner sees it.
fn shown(from: Device) -> device::Device {
    let mut to = device::Device::new(from.device_id);
    to.display_name = from.display_name;
    to.last_seen_ip = from.last_seen_ip;
    to.last_seen_ts = from.last_seen_at.map(clock::to_matrix);
    to
}

/// `GET /_matrix/client/v3/devices`
pub async fn get_devices(
    State(app): State<App>,
    request: Ruma<get_devices::v3::Request>,
) -> Result<get_devices::v3::Response> {
    let devices = app.devices.of_user(&request.caller.user_id).await?;
    Ok(get_devices::v3::Response::new(devices.into_iter().map(shown).collect()))
}

/// `GET /_matrix/client/v3/devices/{deviceId}`
pub async fn get_device(
    State(app): State<App>,
    request: Ruma<get_device::v3::Request>,
) -> Result<get_device::v3::Response> {
    let device = app.devices.get(&request.caller.user_id, &request.body.device_id).await?.ok_or_else(no_device)?;
    Ok(get_device::v3::Response::new(shown(device)))
}

/// A name for a device. ruma's answer has no status for a device that is new.
#[derive(Debug)]
pub struct PutDevice(update_device::v3::Request);

/// The answer.
#[derive(Debug)]
pub struct DevicePut {
    is_new: bool,
}

impl Metadata for PutDevice {
    const METHOD: http::Method = update_device::v3::Request::METHOD;
    const RATE_LIMITED: bool = update_device::v3::Request::RATE_LIMITED;
    type Authentication = <update_device::v3::Request as Metadata>::Authentication;
    type PathBuilder = <update_device::v3::Request as Metadata>::PathBuilder;
    const PATH_BUILDER: Self::PathBuilder = update_device::v3::Request::PATH_BUILDER;
}

impl IncomingRequest for PutDevice {
    type EndpointError = <update_device::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = DevicePut;

    fn try_from_http_request<B, S>(request: http::Request<B>, path: &[S]) -> Result<Self, FromHttpRequestError>
    where
        B: AsRef<[u8]>,
        S: AsRef<str>,
    {
        update_device::v3::Request::try_from_http_request(request, path).map(Self)
    }
}

impl OutgoingResponse for DevicePut {
    fn try_into_http_response<T: Default + BufMut>(self) -> Result<http::Response<T>, IntoHttpError> {
        let mut response = update_device::v3::Response::new().try_into_http_response::<T>()?;
        if self.is_new {
            *response.status_mut() = StatusCode::CREATED;
        }
        Ok(response)
    }
}

/// `PUT /_matrix/client/v3/devices/{deviceId}`: only application services make devices so.
pub async fn update_device(State(app): State<App>, request: Ruma<PutDevice>) -> Result<DevicePut> {
    let (caller, PutDevice(body)) = (request.caller, request.body);
    if caller.appservice.is_some() {
        let is_new = app.devices.name_or_make(&caller.user_id, &body.device_id, body.display_name).await?;
        return Ok(DevicePut { is_new });
    }
    app.devices.rename(&caller.user_id, &body.device_id, body.display_name).await?;
    Ok(DevicePut { is_new: false })
}

/// `DELETE /_matrix/client/v3/devices/{deviceId}`
pub async fn delete_device(
    State(app): State<App>,
    request: Ruma<delete_device::v3::Request>,
) -> Result<delete_device::v3::Response> {
    app.uiaa.require(&request.caller, "delete_device", request.body.auth.as_ref()).await?;
    app.devices.remove(&request.caller.user_id, vec![request.body.device_id]).await?;
    Ok(delete_device::v3::Response::new())
}

/// `POST /_matrix/client/v3/delete_devices`
pub async fn delete_devices(
    State(app): State<App>,
    request: Ruma<delete_devices::v3::Request>,
) -> Result<delete_devices::v3::Response> {
    app.uiaa.require(&request.caller, "delete_device", request.body.auth.as_ref()).await?;
    app.devices.remove(&request.caller.user_id, request.body.devices).await?;
    Ok(delete_devices::v3::Response::new())
}
