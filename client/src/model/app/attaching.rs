//! Files that are about to be sent, and files of the open room.

use super::{AppModel, Changed};
use crate::model::{
    attach::{Content, Wish},
    command::Command,
    item::{Body, Message},
    timeline::Keep,
    viewer::{self, Viewed},
};

impl AppModel {
    /// Puts files on the sheet, a fresh one unless `more` of them come to those that lie there. The caption begins as
    /// what stands in the composer, unless that is the change of a message. Returns the caption of a fresh sheet.
    pub fn attach(&mut self, files: Vec<(String, Content)>, more: bool, draft: &str) -> (Option<String>, Vec<Command>) {
        let Some(room) = self.open.clone().filter(|_| self.details.can_write && !files.is_empty()) else {
            return (None, Vec::new());
        };
        let caption = (!more).then(|| {
            let editing = self.chip.as_ref().is_some_and(|chip| chip.editing);
            let caption = if editing { String::new() } else { draft.to_owned() };
            self.sheet.begin(&room, !caption.is_empty());
            caption
        });
        (caption, self.sheet.add(files).into_iter().map(Command::Attach).collect())
    }

    /// Sends what lies on the sheet.
    pub fn send_sheet(&mut self, caption: &str, shrink: bool) -> (Changed, Vec<Command>) {
        let answers = self.chip.as_ref().filter(|chip| !chip.editing).map(|chip| chip.key.clone());
        let took_draft = self.sheet.took_draft;
        let room = self.sheet.room.clone();
        let Some(wish @ Wish::Send { .. }) = self.sheet.send(caption, shrink, answers.clone()) else {
            return (Changed::default(), Vec::new());
        };
        let mut commands = vec![Command::Attach(wish)];
        if answers.is_some() {
            self.chip = None;
        }
        if took_draft {
            self.drafts.remove(&room);
            if std::mem::take(&mut self.typing_told) {
                commands.push(Command::Typing { room, typing: false });
            }
        }
        self.show_newest();
        let changed = Changed {
            chip: answers.is_some(),
            draft: took_draft,
            header: true,
            rows: Some(Keep::Follow),
            to_bottom: true,
            ..Changed::default()
        };
        (changed, commands)
    }

    /// The pictures before and after one in the open room.
    pub fn neighbours(&self, viewed: &Viewed) -> (Option<Viewed>, Option<Viewed>) {
        let Some(timeline) = self.timeline() else { return (None, None) };
        let (before, after) = viewer::neighbours(timeline.messages(), viewed);
        (before.and_then(Viewed::of), after.and_then(Viewed::of))
    }

    /// Messages of the open room with files of one sort, newest first: pictures and films, or all others.
    pub fn files(&self, pictures: bool) -> Vec<Message> {
        let seen = |message: &&Message| match message.body {
            Body::Image(_) | Body::Video(_) => pictures,
            Body::Audio(_) | Body::File(_) => !pictures,
            _ => false,
        };
        self.timeline().map(|timeline| timeline.messages().filter(seen).cloned().collect()).unwrap_or_default()
    }

    /// Loads earlier messages for what is looked for among them, if there are any and none are being loaded.
    pub fn load_past(&mut self) -> Option<Command> {
        let room = self.open.clone()?;
        let timeline = self.timeline_mut()?;
        timeline.stalled = false;
        timeline.load().then(|| self.page_back(room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{composer::Draft, item::Media, update::Update};
    use eyeball_im::VectorDiff;

    fn file(name: &str) -> (String, Content) {
        (name.to_owned(), Content::File(name.into()))
    }

    fn app(can_write: bool) -> AppModel {
        let mut app = AppModel::default();
        let _ = app.open("!class", "");
        app.details.can_write = can_write;
        app
    }

    #[test]
    fn files_go_only_where_one_may_write() {
        assert!(app(false).attach(vec![file("a.pdf")], false, "").1.is_empty());
        assert!(!app(true).attach(vec![file("a.pdf")], false, "").1.is_empty());
    }

    #[test]
    fn what_was_written_goes_with_the_files_and_is_a_draft_no_more() {
        let mut app = app(true);
        app.drafts.put("!class", Draft { text: "смотрите".into(), ..Draft::default() });
        let (caption, _) = app.attach(vec![file("a.pdf")], false, "смотрите");
        assert_eq!(caption.as_deref(), Some("смотрите"));
        assert_eq!(app.attach(vec![file("b.pdf")], true, "смотрите").0, None, "the caption stays as it is");
        let (changed, commands) = app.send_sheet("смотрите все", true);
        assert!(changed.draft && app.draft().is_empty());
        let [Command::Attach(Wish::Send { files, caption, .. })] = &commands[..] else { panic!() };
        assert_eq!((files.len(), caption.as_str()), (2, "смотрите все"));
    }

    #[test]
    fn files_answer_a_message_and_leave_a_change_alone() {
        let mut app = app(true);
        let message = Message { editable: true, ..Message::words("$1", "@anna:academy", "Анна", "привет") };
        app.apply(Update::Timeline {
            room: "!class".into(),
            diffs: vec![VectorDiff::PushBack { value: message.into() }],
        });
        app.reply("$1");
        app.attach(vec![file("a.pdf")], false, "");
        let (_, commands) = app.send_sheet("", true);
        assert!(matches!(&commands[..], [Command::Attach(Wish::Send { reply_to: Some(key), .. })] if key == "$1"));
        assert!(app.chip.is_none());
        app.edit("$1");
        assert_eq!(app.attach(vec![file("a.pdf")], false, "привет").0.as_deref(), Some(""));
        let (_, commands) = app.send_sheet("", true);
        assert!(matches!(&commands[..], [Command::Attach(Wish::Send { reply_to: None, .. })]));
        assert!(app.chip.is_some(), "the change goes on");
    }

    #[test]
    fn files_of_a_room_are_told_apart() {
        let mut app = app(true);
        let with = |key: &str, body| Message { body, ..Message::words(key, "@ivan:academy", "Иван", "") };
        let values = [
            with("$1", Body::Image(Media::default())),
            with("$2", Body::File(Media::default())),
            Message::words("$3", "@ivan:academy", "Иван", "да"),
            with("$4", Body::Video(Media::default())),
        ];
        app.apply(Update::Timeline {
            room: "!class".into(),
            diffs: values.into_iter().map(|value| VectorDiff::PushBack { value: value.into() }).collect(),
        });
        let keys = |pictures| app.files(pictures).into_iter().map(|message| message.key).collect::<Vec<_>>();
        assert_eq!(keys(true), ["$4", "$1"]);
        assert_eq!(keys(false), ["$2"]);
    }
}
