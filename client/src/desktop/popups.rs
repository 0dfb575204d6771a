//! Notifications of the desktop. Each is shown by a thread of its own, which waits for the person to press it: the
//! desktop's bus may take its time, and the window must not.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use notify_rust::Notification;

use super::sound;

/// Threads that wait at most; further notifications are shown and not waited for.
const MOST: usize = 16;

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about: another one about the same takes its place
    pub about: String,
    /// First line
    pub title: String,
    /// What is said
    pub body: String,
    /// What pressing it does, in words
    pub action: String,
    /// With a sound
    pub sound: bool,
}

/// Shows notifications.
#[derive(Clone)]
pub struct Popups {
    pressed: Arc<dyn Fn(String) + Send + Sync>,
    waiting: Arc<AtomicUsize>,
    /// The desktop's numbers of what was shown last, by what it was about.
    numbers: Arc<Mutex<HashMap<String, u32>>>,
}

impl Popups {
    /// `pressed` is called with what a notification was about when the person presses it.
    pub fn new(pressed: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self { pressed: Arc::new(pressed), waiting: Arc::default(), numbers: Arc::default() }
    }

    /// Shows a notification. Where the desktop shows none, nothing happens.
    pub fn show(&self, note: Note) {
        if note.sound {
            sound::play();
        }
        let popups = self.clone();
        let spawned = std::thread::Builder::new().name("notification".into()).spawn(move || popups.shown(note));
        if let Err(error) = spawned {
            tracing::warn!(%error, "no thread for a notification");
        }
    }

    fn shown(&self, note: Note) {
        let mut notification = Notification::new();
        notification.appname("Parta").summary(&note.title).body(&body(&note.body));
        if let Some(number) = self.numbers.lock().ok().and_then(|numbers| numbers.get(&note.about).copied()) {
            notification.id(number);
        }
        #[cfg(all(unix, not(target_os = "macos")))]
        {
            notification.icon("parta").action("default", &note.action);
            notification.hint(notify_rust::Hint::DesktopEntry("parta".into()));
            notification.hint(notify_rust::Hint::Category("im.received".into()));
            // The sound is this program's own.
            notification.hint(notify_rust::Hint::SuppressSound(true));
        }
        match notification.show() {
            Ok(handle) => {
                #[cfg(all(unix, not(target_os = "macos")))]
                if let Ok(mut numbers) = self.numbers.lock() {
                    numbers.insert(note.about.clone(), handle.id());
                }
                self.wait(handle, note.about);
            }
            Err(error) => tracing::info!(%error, "the desktop shows no notification"),
        }
    }

    #[cfg(any(target_os = "windows", all(unix, not(target_os = "macos"))))]
    fn wait(&self, handle: notify_rust::NotificationHandle, about: String) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < MOST {
            let waited = handle.wait_for_response(|response: &notify_rust::NotificationResponse| {
                if matches!(
                    response,
                    notify_rust::NotificationResponse::Default | notify_rust::NotificationResponse::Action(_)
                ) {
                    (self.pressed)(about);
                }
            });
            if let Err(error) = waited {
                tracing::debug!(%error, "a notification was not followed");
            }
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    #[cfg(not(any(target_os = "windows", all(unix, not(target_os = "macos")))))]
    fn wait(&self, _handle: notify_rust::NotificationHandle, _about: String) {}
}

/// The words as the desktop reads them: some take signs of markup for markup.
#[cfg(all(unix, not(target_os = "macos")))]
fn body(words: &str) -> String {
    let markup =
        notify_rust::get_capabilities().is_ok_and(|capabilities| capabilities.iter().any(|name| name == "body-markup"));
    if markup { escape(words) } else { words.to_owned() }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn body(words: &str) -> String {
    words.to_owned()
}

#[cfg(any(test, all(unix, not(target_os = "macos"))))]
fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_markup_are_words() {
        assert_eq!(escape("1 < 2 & <b>"), "1 &lt; 2 &amp; &lt;b&gt;");
    }
}
