//! Sounds of the open room, and what is recorded for it.

use std::path::PathBuf;

use super::{AppModel, Changed};
use crate::model::{
    command::Command,
    timeline::Keep,
    voice::{self, Heard, TAKE, Track},
};

impl AppModel {
    fn track(&self, key: &str) -> Option<Track> {
        Track::of(self.open.as_deref()?, self.message(key)?)
    }

    fn place_of(&self, track: &Track) -> Option<PathBuf> {
        self.loads.place(&track.source).map(PathBuf::from)
    }

    /// The button of a sound was pressed, in a message or on the bar.
    pub fn press_sound(&mut self, key: &str) -> Vec<Command> {
        // What plays may belong to another room.
        if self.voice.playing.as_ref().is_some_and(|playing| playing.track.key == key) {
            return self.voice.pause();
        }
        let Some(track) = self.track(key) else { return Vec::new() };
        let place = self.place_of(&track);
        self.voice.press(track, place)
    }

    /// A place of a sound was pressed, from 0 to 1: one that does not play begins there.
    pub fn seek_sound(&mut self, key: &str, part: f32) -> Vec<Command> {
        if self.voice.playing.as_ref().is_some_and(|playing| playing.track.key == key) {
            return self.voice.seek(part);
        }
        if key == TAKE {
            return self.listen();
        }
        let Some(track) = self.track(key) else { return Vec::new() };
        let at_ms = (f64::from(part.clamp(0.0, 1.0)) * track.duration_ms as f64) as u64;
        let place = self.place_of(&track);
        self.voice.begin(track, place, at_ms)
    }

    /// Takes what the thread of sounds tells; the next voice message of the same sender follows by itself.
    pub fn heard(&mut self, heard: Heard) -> Vec<Command> {
        let (ended, mut commands) = self.voice.heard(heard);
        let next = ended.as_ref().and_then(|track| {
            let here = self.open.as_deref() == Some(&track.room);
            let thread = here.then(|| voice::next(self.threads.timeline.messages(), track)).flatten();
            thread.or_else(|| voice::next(self.timelines.get(&track.room)?.messages(), track))
        });
        if let Some(next) = next {
            let place = self.place_of(&next);
            commands.extend(self.voice.begin(next, place, 0));
        }
        commands
    }

    /// Begins to record for the open room.
    pub fn record(&mut self) -> Vec<Command> {
        let Some(room) = self.open.clone().filter(|_| self.details.can_write) else { return Vec::new() };
        self.voice.record(&room)
    }

    /// Hears what was recorded for the open room.
    pub fn listen(&mut self) -> Vec<Command> {
        self.open.clone().map(|room| self.voice.listen(&room)).unwrap_or_default()
    }

    /// Forgets what was recorded for the open room.
    pub fn cancel_recording(&mut self) -> Vec<Command> {
        self.open.clone().map(|room| self.voice.cancel(&room)).unwrap_or_default()
    }

    /// Sends what was recorded for the open room, as the answer that the composer was to be.
    pub fn send_recording(&mut self, name: &str) -> (Changed, Vec<Command>) {
        let Some(room) = self.open.clone() else { return (Changed::default(), Vec::new()) };
        let reply_to = self.chip.as_ref().filter(|chip| !chip.editing).map(|chip| chip.key.clone());
        let commands = self.voice.send(&room, reply_to.clone(), name.to_owned());
        if commands.is_empty() {
            return (Changed::default(), commands);
        }
        if reply_to.is_some() {
            self.chip = None;
        }
        self.show_newest();
        let changed = Changed {
            chip: reply_to.is_some(),
            header: true,
            rows: Some(Keep::Follow),
            to_bottom: true,
            ..Changed::default()
        };
        (changed, commands)
    }
}
