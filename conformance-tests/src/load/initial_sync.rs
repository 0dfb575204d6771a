//! The first sync of a member of many rooms: what opening a fresh client costs.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde_json::{Value, json};

use super::closed_loop;
use super::lab::{Lab, path_segment};
use super::report::Outcome;

/// One reader of `rooms` rooms with `messages` messages each, syncing from nothing again and again.
pub(crate) async fn run(lab: &mut Lab) -> Result<Outcome> {
    let (rooms, messages) = (lab.options.rooms as usize, lab.options.messages as usize);
    let accounts = lab.accounts(2).await?;
    let (reader, writer) = (&accounts[0], &accounts[1]);
    {
        let this = &*lab;
        stream::iter(0..rooms)
            .map(Ok)
            .try_for_each_concurrent(lab.concurrency(), |index| async move {
                let room = json!({ "preset": "public_chat", "name": format!("Class {index}") });
                let room = this.create_room(writer, &room).await?;
                this.join(reader, &room).await?;
                for message in 0..messages {
                    let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/m{message}");
                    let body = json!({ "msgtype": "m.text", "body": format!("Message {message} of room {index}") });
                    this.http.must(Method::PUT, &path, Some(&writer.authorization), &body).await?;
                }
                anyhow::Ok(())
            })
            .await?;
    }
    let filter = json!({ "room": { "timeline": { "limit": messages }, "state": { "lazy_load_members": true } } });
    let path: Arc<str> =
        format!("/_matrix/client/v3/sync?timeout=0&set_presence=offline&filter={}", path_segment(&filter.to_string()))
            .into();

    // One look at what comes back, so that a server cannot be fast by leaving things out.
    let body = lab.http.call(Method::GET, &path, Some(&reader.authorization), Bytes::new()).await?.success()?;
    let first: Value = serde_json::from_slice(&body)?;
    let joined = first["rooms"]["join"].as_object().map_or(0, serde_json::Map::len);
    ensure!(joined >= rooms, "the sync shows {joined} rooms instead of {rooms}");
    let events: usize = first["rooms"]["join"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, room)| room["timeline"]["events"].as_array().map_or(0, Vec::len))
        .sum();
    ensure!(events >= rooms * messages, "the sync shows {events} timeline events instead of {}", rooms * messages);

    let (http, authorization) = (lab.http.clone(), reader.authorization.clone());
    let sizes = json!({ "rooms": rooms, "messages_a_room": messages, "response_kib": body.len() / 1024 });
    closed_loop::run(lab, 1, sizes, move |_, _| {
        let (http, authorization, path) = (http.clone(), authorization.clone(), Arc::clone(&path));
        async move {
            http.call(Method::GET, &path, Some(&authorization), Bytes::new()).await?.success()?;
            Ok(())
        }
    })
    .await
}
