//! Writing in the open room: what goes out, what it answers or changes, who is named, and the draft that stays.

use super::{AppModel, Changed, Chip};
use crate::model::{
    command::Command,
    composer::{About, Crowd, Draft, Written},
    formatted::{EVERYONE, Mention},
    item::{Body, Preview},
    timeline::Keep,
};

impl AppModel {
    /// Sends what is in the composer: a new message, an answer or a change.
    pub fn send(&mut self, text: &str) -> (Changed, Vec<Command>) {
        let (Some(room), false) = (self.open.clone(), text.trim().is_empty()) else {
            return (Changed::default(), Vec::new());
        };
        let text = text.trim_end().to_owned();
        let mentions = self.mentioned(&text);
        self.composer.begin(Vec::new());
        // A message of the past is changed where it is shown.
        let stays = self.in_past() && self.chip.as_ref().is_some_and(|chip| chip.editing);
        let command = match self.chip.take() {
            Some(chip) if chip.editing => Command::Edit { room: room.clone(), key: chip.key, text, mentions },
            chip => Command::Send { room: room.clone(), text, reply_to: chip.map(|chip| chip.key), mentions },
        };
        self.drafts.remove(&room);
        let mut commands = vec![command];
        commands.extend(self.drafts.keep(&room).map(Command::Composer));
        if std::mem::take(&mut self.typing_told) {
            commands.push(Command::Typing { room, typing: false });
        }
        if !stays {
            self.show_newest();
        }
        let changed = Changed {
            chip: true,
            draft: true,
            suggestions: true,
            header: true,
            rows: (!stays).then_some(Keep::Follow),
            to_bottom: !stays,
            ..Changed::default()
        };
        (changed, commands)
    }

    /// The text in the composer changed: tells the room that the person is writing, once until it is empty again.
    pub fn typed(&mut self, text: &str) -> Option<Command> {
        let room = self.open.clone()?;
        let typing = !text.is_empty() && !self.chip.as_ref().is_some_and(|chip| chip.editing);
        if typing == self.typing_told {
            return None;
        }
        self.typing_told = typing;
        Some(Command::Typing { room, typing })
    }

    /// Answers a message.
    pub fn reply(&mut self, key: &str) -> Changed {
        let Some(message) =
            self.timeline().and_then(|timeline| timeline.message(key)).filter(|message| message.replyable)
        else {
            return Changed::default();
        };
        self.chip = Some(Chip {
            editing: false,
            key: message.key.clone(),
            who: message.sender_name.clone(),
            preview: message.body.preview(),
        });
        Changed { chip: true, ..Changed::default() }
    }

    /// Changes a message: its words go into the composer.
    pub fn edit(&mut self, key: &str) -> Changed {
        let Some(room) = self.open.clone() else { return Changed::default() };
        let Some(message) =
            self.timeline().and_then(|timeline| timeline.message(key)).filter(|message| message.editable)
        else {
            return Changed::default();
        };
        let text = message.body.words().to_owned();
        let mentions = message.body.people();
        let about = About::Edit(message.key.clone());
        self.chip = Some(Chip {
            editing: true,
            key: message.key.clone(),
            who: message.sender_name.clone(),
            preview: message.body.preview(),
        });
        self.composer.begin(mentions.clone());
        self.drafts.put(&room, Draft { text, mentions, about });
        Changed { chip: true, draft: true, suggestions: true, ..Changed::default() }
    }

    /// Changes the newest own message.
    pub fn edit_last(&mut self) -> Changed {
        let key = self.timeline().and_then(|timeline| {
            timeline.messages().find(|message| message.own && message.editable).map(|message| message.key.clone())
        });
        key.map_or_else(Changed::default, |key| self.edit(&key))
    }

    /// Neither answers nor changes any more. Words of a change go away; words of an answer stay.
    pub fn cancel_chip(&mut self) -> Changed {
        let editing = self.chip.take().is_some_and(|chip| chip.editing);
        if editing && let Some(room) = &self.open {
            self.drafts.remove(room);
            self.composer.begin(Vec::new());
        }
        Changed { chip: true, draft: editing, suggestions: editing, ..Changed::default() }
    }

    /// Whom words may name: those who were put in, and everyone where the account may call them.
    fn mentioned(&self, text: &str) -> Vec<Mention> {
        let mut mentions = self.composer.mentions.clone();
        if self.details.can_notify_all {
            for written in ["@room", "@комната"].into_iter().filter(|written| text.contains(written)) {
                mentions.push(Mention { id: EVERYONE.to_owned(), written: written.to_owned() });
            }
        }
        mentions
    }

    /// The words in the composer or the place in them changed.
    pub fn moved(&mut self, text: &str, cursor: usize, russian: bool) -> Changed {
        let own = self.account.as_ref().map_or("", |account| account.user_id.as_str());
        let crowd = Crowd { members: &self.members, own, everyone: self.details.can_notify_all, russian };
        Changed { suggestions: self.composer.moved(text, cursor, crowd), ..Changed::default() }
    }

    /// Puts in what is offered.
    pub fn take_suggestion(&mut self, index: usize, text: &str, cursor: usize) -> Option<Written> {
        self.composer.take(index, text, cursor)
    }

    /// Has the draft of the open room kept.
    pub fn keep_draft(&mut self, text: &str) -> Option<Command> {
        let room = self.open.clone()?;
        let about = match &self.chip {
            Some(chip) if chip.editing => About::Edit(chip.key.clone()),
            Some(chip) => About::Reply(chip.key.clone()),
            None => About::New,
        };
        let mut mentions = self.composer.mentions.clone();
        mentions.retain(|mention| text.contains(&mention.written));
        self.drafts.put(&room, Draft { text: text.to_owned(), mentions, about });
        self.drafts.keep(&room).map(Command::Composer)
    }

    /// The words that wait in a room that is not open.
    pub fn waits(&self, room: &str) -> Option<&str> {
        let draft = self.drafts.get(room).filter(|_| self.open.as_deref() != Some(room))?;
        Some(draft.text.as_str()).filter(|text| !text.trim().is_empty())
    }

    /// Goes on with the draft of the room that is open now.
    pub(super) fn take_up(&mut self) {
        let Some(draft) = self.open.as_ref().and_then(|room| self.drafts.get(room)).cloned() else { return };
        self.composer.begin(draft.mentions);
        let (editing, key) = match draft.about {
            About::New => return,
            About::Reply(key) => (false, key),
            About::Edit(key) => (true, key),
        };
        self.chip = Some(Chip { editing, key, who: String::new(), preview: Preview::Nothing });
        self.name_chip();
    }

    /// Names the message that the chip is about, once it is known; true if it is only now.
    pub(super) fn name_chip(&mut self) -> bool {
        let Some(key) = self.chip.as_ref().filter(|chip| chip.who.is_empty()).map(|chip| &chip.key) else {
            return false;
        };
        let Some((who, preview)) = self
            .timeline()
            .and_then(|timeline| timeline.message(key))
            .map(|message| (message.sender_name.clone(), message.body.preview()))
        else {
            return false;
        };
        if let Some(chip) = &mut self.chip {
            (chip.who, chip.preview) = (who, preview);
        }
        true
    }

    /// What a press on an answer of a poll means.
    pub fn vote(&self, key: &str, answer: &str) -> Option<Command> {
        let room = self.open.clone()?;
        let Body::Poll(poll) = &self.timeline()?.message(key)?.body else { return None };
        let answers = poll.press(answer)?;
        Some(Command::Poll(crate::model::poll::Wish::Vote { room, key: key.to_owned(), answers }))
    }

    /// Ends a poll of the account's own; `words` say so where polls are not known.
    pub fn end_poll(&self, key: &str, words: String) -> Option<Command> {
        let room = self.open.clone()?;
        self.timeline()?.message(key).filter(|message| matches!(message.body, Body::Poll(_)))?;
        Some(Command::Poll(crate::model::poll::Wish::End { room, key: key.to_owned(), words }))
    }
}
