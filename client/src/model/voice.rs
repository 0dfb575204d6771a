//! Sounds: what is played, what is recorded, and what a press means. The orders made here are for [`crate::sound`].

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use crate::model::{
    command::Command,
    item::{Body, Message},
    media::address,
    update::Failure,
};

/// A recording is no longer than this, in milliseconds.
pub const LONGEST_MS: u64 = 600_000;
/// What is shorter is a slip of the hand and is not kept, in milliseconds.
const SHORTEST_MS: u64 = 400;
/// The loudest value of a waveform (MSC1767).
pub const LOUDEST: u16 = 1024;
/// Values of a waveform as it is sent.
pub const SENT: usize = 100;
/// How fast a voice may be heard; music has its own time.
const SPEEDS: [f32; 3] = [1.0, 1.5, 2.0];
/// What a recording that is not sent yet is known by where messages are known by their keys.
pub const TAKE: &str = "take";

/// The bytes of a sound, shared.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Arc<[u8]>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

/// What is wished of the Matrix side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Bring the bytes of a sound
    Fetch {
        /// `Message::key`
        key: String,
        /// `Media::source`
        source: String,
        /// Where it lies on this computer, if it was brought before
        place: Option<PathBuf>,
    },
    /// Send a recording
    Send {
        /// Room id
        room: String,
        /// Event id of the message answered
        reply_to: Option<String>,
        /// File name for clients that show one
        name: String,
        /// The recording
        take: Take,
    },
}

/// What the Matrix side tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// `Message::key`
    pub key: String,
    /// The bytes, or why there are none
    pub sound: Result<Bytes, Failure>,
}

/// What the thread of sounds has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Play this instead of what plays
    Play {
        /// `Message::key`, or [`TAKE`]
        key: String,
        /// The file
        sound: Bytes,
        /// Where to begin, in milliseconds
        from_ms: u64,
        /// 1 as it was recorded
        speed: f32,
        /// Its waveform is not known and is wanted
        measure: bool,
    },
    /// Be silent, and keep the place
    Pause,
    /// Go on
    Resume,
    /// Go to a place, in milliseconds
    Seek(u64),
    /// Be faster
    Speed(f32),
    /// Play no more
    Close,
    /// Begin to record
    Record,
    /// End the recording and hand it over
    Finish,
    /// End the recording and forget it
    Discard,
}

/// What the thread of sounds tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It plays
    Began {
        /// As in [`Order::Play`]
        key: String,
        /// How long it is, in milliseconds, where the file says so
        total_ms: Option<u64>,
    },
    /// It came so far
    At {
        /// As in [`Order::Play`]
        key: String,
        /// Milliseconds
        ms: u64,
    },
    /// It came to its end
    Ended(String),
    /// Its waveform
    Measured {
        /// As in [`Order::Play`]
        key: String,
        /// Values up to [`LOUDEST`]
        waveform: Vec<u16>,
    },
    /// It cannot be heard
    Mute {
        /// As in [`Order::Play`]
        key: String,
        /// Why
        trouble: Trouble,
    },
    /// So much is recorded, and so loud it was just now
    Level {
        /// Milliseconds
        ms: u64,
        /// Up to [`LOUDEST`]
        level: u16,
    },
    /// The recording is done
    Recorded(Take),
    /// There is no recording
    Deaf(Trouble),
}

/// Why something cannot be heard or recorded, as far as a person can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing to hear it with
    NoDevice,
    /// A kind of file that cannot be played here
    Unknown,
    /// No microphone
    NoMicrophone,
    /// There is one, but it cannot be used
    Refused,
    /// It went away meanwhile
    Lost,
}

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// Opus in Ogg
    pub sound: Bytes,
    /// Milliseconds
    pub duration_ms: u64,
    /// [`SENT`] values up to [`LOUDEST`]
    pub waveform: Vec<u16>,
}

/// A sound that can be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Room id
    pub room: String,
    /// `Message::key`, or [`TAKE`]
    pub key: String,
    /// `Media::source`
    pub source: String,
    /// File name
    pub name: String,
    /// Sender's user id
    pub sender: String,
    /// Sender's name
    pub who: String,
    /// Spoken into a microphone for the room
    pub voice: bool,
    /// How long its sender says that it is, in milliseconds
    pub duration_ms: u64,
    /// Its sender gave a waveform
    drawn: bool,
}

impl Track {
    /// The sound of a message, if it is one.
    pub fn of(room: &str, message: &Message) -> Option<Self> {
        let Body::Audio(media) = &message.body else { return None };
        Some(Self {
            room: room.to_owned(),
            key: message.key.clone(),
            source: media.source.clone(),
            name: media.name.clone(),
            sender: message.sender.clone(),
            who: message.sender_name.clone(),
            voice: media.voice,
            duration_ms: media.duration_ms.unwrap_or_default(),
            drawn: !media.waveform.is_empty(),
        })
    }
}

/// How far the playing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The file comes
    Loading,
    /// It is heard
    Playing,
    /// It waits
    Paused,
}

/// What plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playing {
    /// What it is
    pub track: Track,
    /// How far it is
    pub step: Step,
    /// Place, in milliseconds
    pub at_ms: u64,
    /// Length, in milliseconds; 0 where nobody knows
    pub total_ms: u64,
}

impl Playing {
    /// Place from 0 to 1.
    pub fn part(&self) -> f32 {
        if self.total_ms == 0 { 0.0 } else { (self.at_ms as f32 / self.total_ms as f32).min(1.0) }
    }
}

/// What becomes of a recording once it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum After {
    /// It waits in its room
    Keep,
    /// It is heard
    Listen,
    /// It is sent
    Send { reply_to: Option<String>, name: String },
}

/// A recording that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Room id
    pub room: String,
    /// Milliseconds
    pub ms: u64,
    /// How loud it was, tenths of a second, up to [`LOUDEST`]
    pub levels: Vec<u16>,
    after: After,
    ending: bool,
}

/// All that is played and recorded.
#[derive(Debug, Default)]
pub struct State {
    /// What plays
    pub playing: Option<Playing>,
    /// What cannot be heard, by key, and why
    pub mute: Option<(String, Trouble)>,
    /// What is being recorded
    pub live: Option<Live>,
    /// Why nothing is recorded
    pub deaf: Option<Trouble>,
    /// Recordings that wait to be sent, by room
    takes: HashMap<String, Take>,
    /// Waveforms that were computed here, by [`address`]
    waves: HashMap<String, Vec<u16>>,
    speed: usize,
}

impl State {
    /// How fast voices are heard.
    pub fn speed(&self) -> f32 {
        SPEEDS[self.speed]
    }

    /// The recording that waits in a room.
    pub fn take(&self, room: &str) -> Option<&Take> {
        self.takes.get(room)
    }

    /// The waveform that was computed here for a file.
    pub fn wave(&self, source: &str) -> Option<&[u16]> {
        self.waves.get(address(source)).map(Vec::as_slice)
    }

    fn plays(&self, key: &str) -> bool {
        self.playing.as_ref().is_some_and(|playing| playing.track.key == key)
    }

    /// The button of a sound was pressed: it plays, waits or goes on.
    pub fn press(&mut self, track: Track, place: Option<PathBuf>) -> Vec<Command> {
        if self.plays(&track.key) { self.pause() } else { self.begin(track, place, 0) }
    }

    /// Pauses what plays, or goes on; what only comes is given up.
    pub fn pause(&mut self) -> Vec<Command> {
        let Some(playing) = &mut self.playing else { return Vec::new() };
        match playing.step {
            Step::Loading => self.close(),
            Step::Playing => {
                playing.step = Step::Paused;
                vec![Command::Sound(Order::Pause)]
            }
            Step::Paused => {
                playing.step = Step::Playing;
                vec![Command::Sound(Order::Resume)]
            }
        }
    }

    /// Plays a sound from a place, instead of what plays.
    pub fn begin(&mut self, track: Track, place: Option<PathBuf>, at_ms: u64) -> Vec<Command> {
        let mut commands = self.close();
        self.mute = None;
        let take = self.takes.get(&track.room).filter(|_| track.key == TAKE).cloned();
        let (key, source) = (track.key.clone(), track.source.clone());
        self.playing = Some(Playing { at_ms, total_ms: track.duration_ms, step: Step::Loading, track });
        commands.extend(match take {
            Some(take) => self.arrived(News { key, sound: Ok(take.sound) }).ok().flatten(),
            None => Some(Command::Voice(Wish::Fetch { key, source, place })),
        });
        commands
    }

    /// The bytes came, or did not.
    pub fn arrived(&mut self, news: News) -> Result<Option<Command>, Failure> {
        let waited = |playing: &&Playing| playing.track.key == news.key && playing.step == Step::Loading;
        let Some(playing) = self.playing.as_ref().filter(waited) else { return Ok(None) };
        match news.sound {
            Ok(sound) => Ok(Some(Command::Sound(Order::Play {
                key: news.key,
                sound,
                from_ms: playing.at_ms,
                speed: if playing.track.voice { self.speed() } else { 1.0 },
                measure: !playing.track.drawn && self.wave(&playing.track.source).is_none(),
            }))),
            Err(failure) => {
                self.playing = None;
                Err(failure)
            }
        }
    }

    /// Goes to a place of what plays, from 0 to 1.
    pub fn seek(&mut self, part: f32) -> Vec<Command> {
        let Some(playing) = &mut self.playing else { return Vec::new() };
        playing.at_ms = (f64::from(part.clamp(0.0, 1.0)) * playing.total_ms as f64) as u64;
        if playing.step == Step::Loading { Vec::new() } else { vec![Command::Sound(Order::Seek(playing.at_ms))] }
    }

    /// Goes some milliseconds forth or back.
    pub fn nudge(&mut self, by_ms: i64) -> Vec<Command> {
        let Some(playing) = self.playing.as_ref().filter(|playing| playing.total_ms > 0) else { return Vec::new() };
        let at = playing.at_ms.saturating_add_signed(by_ms).min(playing.total_ms);
        self.seek((at as f64 / playing.total_ms as f64) as f32)
    }

    /// The next speed.
    pub fn faster(&mut self) -> Vec<Command> {
        self.speed = (self.speed + 1) % SPEEDS.len();
        let heard = self.playing.as_ref().is_some_and(|playing| playing.track.voice && playing.step != Step::Loading);
        if heard { vec![Command::Sound(Order::Speed(self.speed()))] } else { Vec::new() }
    }

    /// Plays no more.
    pub fn close(&mut self) -> Vec<Command> {
        if self.playing.take().is_some() { vec![Command::Sound(Order::Close)] } else { Vec::new() }
    }

    /// Begins to record for a room. What plays is silent meanwhile.
    pub fn record(&mut self, room: &str) -> Vec<Command> {
        if self.live.is_some() || self.takes.contains_key(room) {
            return Vec::new();
        }
        let heard = self.playing.as_ref().is_some_and(|playing| playing.step != Step::Paused);
        let mut commands = if heard { self.pause() } else { Vec::new() };
        self.deaf = None;
        self.live = Some(Live { room: room.to_owned(), ms: 0, levels: Vec::new(), after: After::Keep, ending: false });
        commands.push(Command::Sound(Order::Record));
        commands
    }

    fn finish(&mut self, room: &str, after: After) -> Vec<Command> {
        match &mut self.live {
            Some(live) if live.room == room && !live.ending => {
                live.after = after;
                live.ending = true;
                vec![Command::Sound(Order::Finish)]
            }
            _ => Vec::new(),
        }
    }

    /// Hears the recording of a room before it is sent, or pauses it.
    pub fn listen(&mut self, room: &str) -> Vec<Command> {
        let Some(take) = self.takes.get(room) else { return self.finish(room, After::Listen) };
        let track = Track {
            room: room.to_owned(),
            key: TAKE.to_owned(),
            source: String::new(),
            name: String::new(),
            sender: String::new(),
            who: String::new(),
            voice: true,
            duration_ms: take.duration_ms,
            drawn: true,
        };
        let elsewhere = self.playing.as_ref().is_some_and(|playing| playing.track.room != room);
        if elsewhere { self.begin(track, None, 0) } else { self.press(track, None) }
    }

    /// Sends the recording of a room.
    pub fn send(&mut self, room: &str, reply_to: Option<String>, name: String) -> Vec<Command> {
        let Some(take) = self.takes.remove(room) else { return self.finish(room, After::Send { reply_to, name }) };
        let mut commands = self.hush(room);
        commands.push(Command::Voice(Wish::Send { room: room.to_owned(), reply_to, name, take }));
        commands
    }

    /// Forgets the recording of a room.
    pub fn cancel(&mut self, room: &str) -> Vec<Command> {
        if self.live.as_ref().is_some_and(|live| live.room == room) {
            self.live = None;
            return vec![Command::Sound(Order::Discard)];
        }
        self.takes.remove(room);
        self.hush(room)
    }

    /// The room is left: what is recorded for it is done and waits there.
    pub fn leave(&mut self, room: &str) -> Vec<Command> {
        self.deaf = None;
        let mut commands = self.hush(room);
        commands.extend(self.finish(room, After::Keep));
        commands
    }

    /// Nothing is played or recorded any more, and nothing is kept.
    pub fn end(&mut self) -> Vec<Command> {
        let mut commands = self.close();
        if self.live.is_some() {
            commands.push(Command::Sound(Order::Discard));
        }
        *self = Self::default();
        commands
    }

    /// The recording of a room is not heard any more.
    fn hush(&mut self, room: &str) -> Vec<Command> {
        let heard =
            self.playing.as_ref().is_some_and(|playing| playing.track.key == TAKE && playing.track.room == room);
        if heard { self.close() } else { Vec::new() }
    }

    /// Takes what the thread of sounds tells. What came to its end is given back: another may follow.
    pub fn heard(&mut self, heard: Heard) -> (Option<Track>, Vec<Command>) {
        match heard {
            Heard::Began { key, total_ms } => {
                if let Some(playing) = self.playing.as_mut().filter(|playing| playing.track.key == key) {
                    playing.step = Step::Playing;
                    playing.total_ms = total_ms.unwrap_or(playing.total_ms);
                }
            }
            Heard::At { key, ms } => {
                if let Some(playing) = self.playing.as_mut().filter(|playing| playing.track.key == key) {
                    playing.at_ms = ms;
                    playing.total_ms = playing.total_ms.max(ms);
                }
            }
            Heard::Ended(key) if self.plays(&key) => {
                let track = self.playing.take().map(|playing| playing.track);
                return (track.filter(|track| track.key != TAKE), Vec::new());
            }
            Heard::Measured { key, waveform } => {
                if let Some(playing) = self.playing.as_ref().filter(|playing| playing.track.key == key) {
                    self.waves.insert(address(&playing.track.source).to_owned(), waveform);
                }
            }
            Heard::Mute { key, trouble } if self.plays(&key) => {
                self.playing = None;
                self.mute = Some((key, trouble));
            }
            Heard::Level { ms, level } => {
                if let Some(live) = &mut self.live {
                    live.ms = ms;
                    live.levels.push(level);
                }
            }
            Heard::Recorded(take) => return (None, self.recorded(take)),
            Heard::Deaf(trouble) if self.live.take().is_some() => self.deaf = Some(trouble),
            Heard::Ended(_) | Heard::Mute { .. } | Heard::Deaf(_) => {}
        }
        (None, Vec::new())
    }

    fn recorded(&mut self, take: Take) -> Vec<Command> {
        let Some(live) = self.live.take().filter(|_| take.duration_ms >= SHORTEST_MS) else { return Vec::new() };
        match live.after {
            After::Send { reply_to, name } => {
                vec![Command::Voice(Wish::Send { room: live.room, reply_to, name, take })]
            }
            after => {
                self.takes.insert(live.room.clone(), take);
                if after == After::Listen { self.listen(&live.room) } else { Vec::new() }
            }
        }
    }
}

/// The next voice message of the same sender, of messages with the newest first.
pub fn next<'a>(messages: impl Iterator<Item = &'a Message>, track: &Track) -> Option<Track> {
    let mut next = None;
    for message in messages {
        if message.key == track.key {
            return next.filter(|_| track.voice);
        }
        if message.sender == track.sender
            && let Some(found) = Track::of(&track.room, message).filter(|found| found.voice)
        {
            next = Some(found);
        }
    }
    None
}

/// So many bars of a waveform, each as high as the loudest that it stands for.
pub fn bars(waveform: &[u16], count: usize) -> Vec<u16> {
    if waveform.is_empty() {
        return Vec::new();
    }
    let length = waveform.len();
    let bar = |index: usize| {
        let from = index * length / count;
        let to = ((index + 1) * length / count).clamp(from + 1, length);
        waveform[from..to].iter().copied().max().unwrap_or_default().min(LOUDEST)
    };
    (0..count).map(bar).collect()
}

/// The waveform of a sound by its peaks (0 to 1) in equal times: its loudest moment is [`LOUDEST`], unless it is silence.
pub fn waveform(peaks: &[f32]) -> Vec<u16> {
    /// What is softer is the noise of a microphone, not to be blown up.
    const SILENCE: f32 = 0.02;
    let loudest = peaks.iter().copied().fold(SILENCE, f32::max);
    let values: Vec<u16> =
        peaks.iter().map(|peak| (peak / loudest * f32::from(LOUDEST)).clamp(0.0, f32::from(LOUDEST)) as u16).collect();
    bars(&values, SENT)
}

#[cfg(test)]
mod tests;
