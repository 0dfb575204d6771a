//! Feedback: reports are kept on this computer first and go to the server when it answers; what became of those before
//! comes back.

mod calls;
mod kept;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use matrix_sdk::ruma::{events::AnyGlobalAccountDataEvent, serde::Raw};
use tokio::sync::Notify;

use self::{calls::Silence, kept::Folder};
use crate::{
    matrix::live::Live,
    model::{
        feedback::{
            Draft, Known, News, Wish, has_news,
            queue::{Fault, Queue, Refusal, Waiting},
        },
        update::Update,
    },
    pictures::sending,
};

/// The account data by which the server tells that there is something to read.
const UNREAD: &str = "org.parta.feedback";
/// The server takes 5 MiB for a picture unless told otherwise.
const MOST_BYTES: usize = 4 << 20;

/// What waits and what is known.
pub(super) struct Post {
    folder: Folder,
    desk: Mutex<Desk>,
    /// Rung when there is something to do.
    bell: Notify,
}

#[derive(Default)]
struct Desk {
    queue: Queue,
    known: Option<Known>,
    /// The server is to be asked for what it has.
    looks: bool,
}

impl Post {
    pub(super) fn of(data_dir: &Path) -> Self {
        Self { folder: Folder::of(data_dir), desk: Mutex::default(), bell: Notify::new() }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server answers, for the first time or again.
    pub(super) fn wake(&self) {
        {
            let mut desk = self.desk();
            desk.queue.wake(now_ms());
            desk.looks = true;
        }
        self.bell.notify_one();
    }

    /// A sync brought these.
    pub(super) fn came(&self, account_data: &[Raw<AnyGlobalAccountDataEvent>]) {
        let is_ours = |event: &Raw<_>| event.get_field::<String>("type").ok().flatten().as_deref() == Some(UNREAD);
        if account_data.iter().any(is_ours) {
            self.look();
        }
    }

    fn look(&self) {
        self.desk().looks = true;
        self.bell.notify_one();
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn tell(live: &Live, news: News) {
    live.updates.send(Update::Feedback(news));
}

fn tell_waiting(live: &Live) {
    let waiting = live.post.desk().queue.all().to_vec();
    tell(live, News::Waiting(waiting));
}

/// Does what the page asks for.
pub(super) async fn take(live: &Arc<Live>, wish: Wish) {
    match wish {
        Wish::Send(draft) => keep(live, *draft).await,
        Wish::Drop(id) => {
            live.post.desk().queue.remove(&id);
            let folder = live.post.folder.clone();
            let _ = tokio::task::spawn_blocking(move || folder.remove(&id)).await;
            tell_waiting(live);
        }
        Wish::Look => live.post.look(),
        Wish::Read(ids) => {
            for id in ids {
                calls::read(&live.client, id).await;
            }
            live.post.look();
        }
    }
}

/// Keeps a report on this computer: from then on it is on its way, whatever happens to the network or this program.
pub(super) async fn keep(live: &Arc<Live>, draft: Draft) {
    let folder = live.post.folder.clone();
    let replaced = draft.replaces.clone();
    let written = tokio::task::spawn_blocking(move || write(&folder, draft)).await;
    match written {
        Ok(Ok(waiting)) => {
            {
                let mut desk = live.post.desk();
                if let Some(replaced) = replaced {
                    desk.queue.remove(&replaced);
                }
                desk.queue.add(waiting);
            }
            tell(live, News::Kept);
            tell_waiting(live);
            live.post.bell.notify_one();
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "a report cannot be kept");
            tell(live, News::NotKept);
        }
        Err(error) => {
            tracing::warn!(%error, "a report was not kept");
            tell(live, News::NotKept);
        }
    }
}

/// Writes a report into its folder, in place of the refused one if there was one.
fn write(folder: &Folder, draft: Draft) -> std::io::Result<Waiting> {
    let picture = match (draft.picture, &draft.replaces) {
        (Some(picture), _) => {
            let png = sending::png_within(&picture.painted(), MOST_BYTES);
            Some(png.ok_or_else(|| std::io::Error::other("the picture cannot be written"))?)
        }
        (None, Some(replaced)) if draft.keeps_picture => Some(folder.picture(replaced)?),
        (None, _) => None,
    };
    let report = Waiting {
        client_id: uuid(rand::random()),
        written_ms: now_ms(),
        kind: draft.kind,
        text: draft.text,
        diagnostics: draft.diagnostics,
        picture: picture.is_some(),
        ..Waiting::default()
    };
    folder.put(&report, picture.as_deref())?;
    if let Some(replaced) = &draft.replaces {
        folder.remove(replaced);
    }
    Ok(report)
}

/// A UUID of random bits (RFC 9562, section 5.4).
fn uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{bits:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// Sends what waits and looks for answers, until the session ends.
pub(super) async fn follow(live: Arc<Live>) {
    let folder = live.post.folder.clone();
    let Ok((waiting, known)) = tokio::task::spawn_blocking(move || (folder.waiting(), folder.known())).await else {
        return;
    };
    if let Some(known) = known {
        tell(&live, News::Known(known.clone()));
        live.post.desk().known = Some(known);
    }
    {
        let mut desk = live.post.desk();
        // One that was written meanwhile may be in the folder already.
        let further = desk.queue.all().iter().filter(|new| waiting.iter().all(|old| old.client_id != new.client_id));
        let all = waiting.iter().chain(further).cloned().collect();
        desk.queue = Queue::of(all);
    }
    tell_waiting(&live);
    loop {
        send_due(&live).await;
        if std::mem::take(&mut live.post.desk().looks) {
            look(&live).await;
        }
        let rest = live.post.desk().queue.rest(now_ms());
        match rest {
            Some(rest) => {
                let _ = tokio::time::timeout(rest, live.post.bell.notified()).await;
            }
            None => live.post.bell.notified().await,
        }
    }
}

async fn look(live: &Live) {
    match calls::list(&live.client).await {
        Ok(known) => {
            let before = live.post.desk().known.replace(known.clone());
            let folder = live.post.folder.clone();
            let learnt = known.clone();
            let kept = tokio::task::spawn_blocking(move || folder.learn(&learnt)).await;
            if let Ok(Err(error)) = kept {
                tracing::warn!(%error, "what became of the reports cannot be kept");
            }
            let answered = has_news(before.map(|known| known.unread), known.unread);
            tell(live, News::Known(known));
            if answered {
                tell(live, News::Answered);
            }
        }
        Err(Silence::Absent) => {
            live.post.desk().known = None;
            live.post.folder.unlearn();
            tell(live, News::Absent);
        }
        // It is asked again when it answers the sync.
        Err(Silence::Away) => {}
    }
}

async fn send_due(live: &Live) {
    loop {
        let Some(report) = live.post.desk().queue.due(now_ms()).cloned() else { return };
        let id = report.client_id.clone();
        match send(live, report).await {
            Ok(()) => {
                {
                    let mut desk = live.post.desk();
                    desk.queue.remove(&id);
                    desk.looks = true;
                }
                live.post.folder.remove(&id);
                tell(live, News::Sent);
            }
            Err(fault) => {
                live.post.desk().queue.failed(&id, now_ms(), fault);
                keep_state(live, &id).await;
            }
        }
        tell_waiting(live);
    }
}

/// The attachment first, then the report.
async fn send(live: &Live, report: Waiting) -> Result<(), Fault> {
    if !report.picture {
        return calls::send(&live.client, &report, None).await;
    }
    let id = report.client_id.as_str();
    let bytes = live.post.folder.picture(id).map_err(|error| {
        tracing::warn!(%error, "the picture of a report is gone");
        Fault::Refused(Refusal::Picture)
    })?;
    let name = if bytes.starts_with(b"\x89PNG") { "window.png" } else { "window.jpg" };
    let uri = match &report.picture_uri {
        Some(uri) => uri.clone(),
        None => {
            let uri = calls::attach(&live.client, bytes).await?;
            live.post.desk().queue.uploaded(id, uri.clone());
            keep_state(live, id).await;
            uri
        }
    };
    calls::send(&live.client, &report, Some((name, &uri))).await
}

/// Keeps how far a report has come.
async fn keep_state(live: &Live, id: &str) {
    let Some(report) = live.post.desk().queue.get(id).cloned() else { return };
    let folder = live.post.folder.clone();
    let kept = tokio::task::spawn_blocking(move || folder.put(&report, None)).await;
    if let Ok(Err(error)) = kept {
        tracing::warn!(%error, "how far a report is cannot be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        feedback::{Kind, Picture, Shade},
        update::Pixels,
    };

    fn draft() -> Draft {
        Draft {
            kind: Kind::Idea,
            text: "Больше цветов".into(),
            diagnostics: std::collections::BTreeMap::new(),
            picture: None,
            replaces: None,
            keeps_picture: false,
        }
    }

    #[test]
    fn a_uuid_says_which_kind_it_is() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn what_was_painted_over_does_not_reach_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        let pixels = Pixels { width: 8, height: 8, rgba: vec![200; 8 * 8 * 4] };
        let shade = Shade { x: 0.0, y: 0.0, width: 0.5, height: 1.0 };
        let picture = Some(Picture { pixels, shades: vec![shade] });
        let report = write(&folder, Draft { picture, ..draft() }).unwrap();
        let kept = image::load_from_memory(&folder.picture(&report.client_id).unwrap()).unwrap().into_rgba8();
        assert_eq!(kept.get_pixel(1, 1).0, [0, 0, 0, 255]);
        assert_eq!(kept.get_pixel(6, 1).0, [200; 4]);
    }

    #[test]
    fn a_refused_report_that_was_changed_takes_the_place_of_the_first_with_its_picture() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        let pixels = Pixels { width: 2, height: 2, rgba: vec![200; 16] };
        let picture = Some(Picture { pixels, shades: Vec::new() });
        let first = write(&folder, Draft { picture, ..draft() }).unwrap();
        let bytes = folder.picture(&first.client_id).unwrap();
        let replaces = Some(first.client_id.clone());
        let second = write(&folder, Draft { replaces, keeps_picture: true, ..draft() }).unwrap();
        assert_ne!(first.client_id, second.client_id, "the server may have the first after all");
        assert_eq!(folder.picture(&second.client_id).unwrap(), bytes);
        assert_eq!(folder.waiting(), [second]);
    }
}
