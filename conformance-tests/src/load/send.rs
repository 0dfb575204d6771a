//! Sending messages: every sender in a room of its own, with or without many idle rooms beside it, or all of them in
//! one large room whose other members are idle.

use std::slice;

use anyhow::Result;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::accounts::Account;
use super::closed_loop;
use super::lab::Lab;
use super::listening::Listening;
use super::report::Outcome;

/// As many rooms as senders.
pub(crate) async fn in_own_rooms(lab: &mut Lab) -> Result<Outcome> {
    let senders = lab.accounts(lab.options.senders as usize).await?;
    let rooms: Vec<String> = {
        let this = &*lab;
        stream::iter(&senders)
            .map(|sender| async move { this.create_room(sender, &json!({ "preset": "private_chat" })).await })
            .buffered(lab.concurrency())
            .try_collect()
            .await?
    };
    let sizes = json!({ "senders": senders.len(), "rooms": rooms.len() });
    send(lab, senders.into_iter().zip(rooms).collect(), sizes).await
}

/// As many rooms as senders, with someone who listens in each; and all of these people are in many idle rooms as well.
pub(crate) async fn among_idle_rooms(lab: &mut Lab) -> Result<Outcome> {
    let count = lab.options.senders as usize;
    let people = lab.newcomers(2 * count).await?;
    let (senders, listeners) = people.split_at(count);
    let lab = &*lab;
    let begun = Instant::now();
    stream::iter(0..lab.options.idle_rooms)
        .map(Ok)
        .try_for_each_concurrent(lab.concurrency(), |index| {
            let (creator, others) = (&people[0], &people[1..]);
            async move { lab.room_with(creator, others, &format!("Idle {index}")).await.map(drop) }
        })
        .await?;
    eprintln!("# {} idle rooms in {:.1} s", lab.options.idle_rooms, begun.elapsed().as_secs_f64());
    let rooms: Vec<String> = stream::iter(senders.iter().zip(listeners))
        .map(|(sender, listener)| lab.room_with(sender, slice::from_ref(listener), "Homework"))
        .buffered(lab.concurrency())
        .try_collect()
        .await?;
    let sizes = json!({ "senders": count, "listeners": listeners.len(), "idle_rooms": lab.options.idle_rooms });
    let listening = Listening::begin(lab, listeners).await?;
    let mut outcome = send(lab, senders.iter().cloned().zip(rooms).collect(), sizes).await?;
    listening.end(&mut outcome);
    Ok(outcome)
}

/// One room with all the members, of whom only the senders do anything.
pub(crate) async fn in_one_room(lab: &mut Lab) -> Result<Outcome> {
    let room = lab.large_room().await?;
    let senders: Vec<_> = room.members.iter().cycle().take(lab.options.senders as usize).cloned().collect();
    let sizes = json!({ "senders": senders.len(), "members": room.members.len() + 1 });
    send(lab, senders.into_iter().map(|sender| (sender, room.path_id.clone())).collect(), sizes).await
}

async fn send(lab: &Lab, senders: Vec<(Account, String)>, sizes: Value) -> Result<Outcome> {
    let http = lab.http.clone();
    let body =
        Bytes::from(json!({ "msgtype": "m.text", "body": "Домашнее задание: упражнение 112, к среде." }).to_string());
    let run: u32 = rand::random();
    let count = senders.len();
    closed_loop::run(lab, count, sizes, move |worker, round| {
        let (http, body) = (http.clone(), body.clone());
        let (account, room) = &senders[worker];
        let authorization = account.authorization.clone();
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{run:x}-{worker}-{round}");
        async move {
            http.call(Method::PUT, &path, Some(&authorization), body).await?.success()?;
            Ok(())
        }
    })
    .await
}
