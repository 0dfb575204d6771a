//! Who is here, as the server tells it, and whether the person at this screen is.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use matrix_sdk::ruma::{
    UserId,
    api::client::presence::get_presence::v3::Request,
    events::presence::{PresenceEvent, PresenceEventContent},
    presence::PresenceState,
    serde::Raw,
};
use tokio::time::Instant;

use crate::{
    matrix::live::Live,
    model::{
        presence::{self, Kind, Presence, Wish},
        update::Update,
    },
};

/// When the window was last used.
pub(super) struct Own(Mutex<Instant>);

impl Default for Own {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Own {
    fn used(&self) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    /// What a sync tells the others of this person.
    pub(super) fn state(&self) -> PresenceState {
        let used = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if presence::is_here(used.elapsed()) { PresenceState::Online } else { PresenceState::Unavailable }
    }
}

/// Does what the view asks.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Used => live.presence.used(),
        Wish::Ask(person) => {
            let Ok(id) = UserId::parse(&person) else { return };
            match live.client.send(Request::new(id)).await {
                Ok(answer) => {
                    let ago = answer.last_active_ago;
                    live.updates
                        .send(Update::Presence(vec![(person, of(&answer.presence, answer.currently_active, ago))]));
                }
                Err(error) => tracing::debug!(%error, "presence was not told"),
            }
        }
    }
}

/// Passes on what a sync brought.
pub(super) fn came(live: &Live, events: &[Raw<PresenceEvent>]) {
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| event.deserialize().ok())
        .map(|event| (event.sender.to_string(), of_content(&event.content)))
        .collect();
    if !told.is_empty() {
        live.updates.send(Update::Presence(told));
    }
}

/// What the store knows of these people: the server tells only what is new since.
pub(super) async fn known<'a>(live: &Live, people: impl Iterator<Item = &'a str>) {
    let mut told = Vec::new();
    for person in people {
        if let Ok(id) = UserId::parse(person)
            && let Ok(Some(event)) = live.client.state_store().get_presence_event(&id).await
            && let Ok(event) = event.deserialize()
        {
            // When it came is not kept, so a time that is told from there means nothing.
            let mut content = event.content;
            content.last_active_ago = None;
            told.push((person.to_owned(), of_content(&content)));
        }
    }
    if !told.is_empty() {
        live.updates.send(Update::Presence(told));
    }
}

fn of_content(content: &PresenceEventContent) -> Presence {
    let ago = content.last_active_ago.map(|ago| Duration::from_millis(ago.into()));
    of(&content.presence, content.currently_active, ago)
}

fn of(state: &PresenceState, active: Option<bool>, ago: Option<Duration>) -> Presence {
    let kind = match state {
        PresenceState::Online => Kind::Online,
        PresenceState::Unavailable if active == Some(true) => Kind::Online,
        PresenceState::Unavailable => Kind::Idle,
        _ => Kind::Offline,
    };
    let now = jiff::Timestamp::now().as_millisecond();
    Presence { kind, active_ms: ago.and_then(|ago| i64::try_from(ago.as_millis()).ok()).map(|ago| now - ago) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_tells_in_our_words() {
        let kind = |state: &str, active| of(&PresenceState::from(state), active, None).kind;
        assert_eq!(kind("online", None), Kind::Online);
        assert_eq!(kind("unavailable", None), Kind::Idle);
        assert_eq!(kind("unavailable", Some(true)), Kind::Online);
        assert_eq!(kind("offline", None), Kind::Offline);
        assert_eq!(kind("org.example.busy", None), Kind::Offline);
        let hour = of(&PresenceState::Offline, None, Some(Duration::from_hours(1))).active_ms.unwrap();
        let passed = jiff::Timestamp::now().as_millisecond() - hour;
        assert!((3_600_000..3_660_000).contains(&passed), "{passed}");
    }
}
