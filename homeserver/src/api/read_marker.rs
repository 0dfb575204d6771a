//! Read markers.

use axum::extract::State;
use ruma::{
    api::client::read_marker::set_read_marker::v3::{Request, Response},
    events::receipt::ReceiptThread,
};

use super::ruma::Ruma;
use crate::{
    app::App,
    domain::receipts::{Kind, Mark},
    error::Result,
};

/// `POST /_matrix/client/v3/rooms/{roomId}/read_markers`
pub async fn set_read_marker(State(app): State<App>, request: Ruma<Request>) -> Result<Response> {
    let Request { room_id, fully_read, read_receipt, private_read_receipt, .. } = request.body;
    let marks = [(Kind::FullyRead, fully_read), (Kind::Read, read_receipt), (Kind::Private, private_read_receipt)]
        .into_iter()
        .filter_map(|(kind, event_id)| Some(Mark { kind, thread: ReceiptThread::Unthreaded, event_id: event_id? }))
        .collect();
    app.receipts.set(&app.journal, &app.rooms, &request.caller.user_id, &room_id, marks).await?;
    Ok(Response::new())
}
