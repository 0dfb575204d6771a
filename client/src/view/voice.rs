//! Sounds: the cards and the bar of what plays, and the strip of what is recorded.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, VecModel};

use super::{convert, media, ui, window::View, wiring::on};
use crate::model::{
    app::AppModel,
    command::Command,
    item::Media,
    voice::{self, Heard, LOUDEST, News, Step, Trouble},
};

/// Bars of a waveform in a bubble, in the narrow bubbles of a thread, and on the strip.
const BARS: usize = 44;
const THREAD_BARS: usize = 32;
const STRIP_BARS: usize = 60;

/// Connects the callbacks of sounds.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Voice, on_press, |this, key| {
        let commands = this.app.borrow_mut().press_sound(&key);
        this.sound(commands);
    });
    on!(view, Voice, on_seek, |this, key, part| {
        let commands = this.app.borrow_mut().seek_sound(&key, part);
        this.sound(commands);
    });
    on!(view, Voice, on_nudge, |this, seconds| {
        let commands = this.app.borrow_mut().voice.nudge(i64::from(seconds) * 1000);
        this.sound(commands);
    });
    on!(view, Voice, on_faster, |this| {
        let commands = this.app.borrow_mut().voice.faster();
        this.sound(commands);
    });
    on!(view, Voice, on_close, |this| {
        let commands = this.app.borrow_mut().voice.close();
        this.sound(commands);
    });
    on!(view, Voice, on_begin, |this| {
        let commands = this.app.borrow_mut().record();
        this.sound(commands);
    });
    on!(view, Voice, on_listen, |this| {
        let commands = this.app.borrow_mut().listen();
        this.sound(commands);
    });
    on!(view, Voice, on_cancel, |this| {
        let commands = this.app.borrow_mut().cancel_recording();
        this.sound(commands);
    });
    on!(view, Voice, on_send, |this, name| {
        let done = this.app.borrow_mut().send_recording(&name);
        this.follow_up(done);
        this.sound(Vec::new());
    });
    on!(view, Voice, on_hush, |this| {
        this.app.borrow_mut().voice.deaf = None;
        this.show_recording();
    });
}

/// The sound of a message for its card.
pub(super) fn entry(media: &Media, app: &AppModel, threaded: bool) -> ui::SoundEntry {
    let wave = if media.waveform.is_empty() { app.voice.wave(&media.source) } else { Some(&media.waveform[..]) };
    ui::SoundEntry {
        voice: media.voice,
        bars: bars(wave.unwrap_or_default(), if threaded { THREAD_BARS } else { BARS }),
        duration: media.duration_ms.map(media::clock).unwrap_or_default().into(),
    }
}

fn bars(waveform: &[u16], count: usize) -> ModelRc<f32> {
    let bars = voice::bars(waveform, count).into_iter().map(|bar| f32::from(bar) / f32::from(LOUDEST));
    ModelRc::new(VecModel::from(bars.collect::<Vec<_>>()))
}

fn trouble(trouble: Option<Trouble>) -> ui::SoundTrouble {
    match trouble {
        None => ui::SoundTrouble::None,
        Some(Trouble::NoDevice) => ui::SoundTrouble::NoDevice,
        Some(Trouble::Unknown) => ui::SoundTrouble::Unknown,
        Some(Trouble::NoMicrophone) => ui::SoundTrouble::NoMicrophone,
        Some(Trouble::Refused) => ui::SoundTrouble::Refused,
        Some(Trouble::Lost) => ui::SoundTrouble::Lost,
    }
}

/// What has passed, as a clock: a second counts once it is over.
fn passed(ms: u64) -> String {
    media::clock(ms / 1000 * 1000)
}

impl View {
    /// Sends what follows from a press, and shows how things stand.
    fn sound(&self, commands: Vec<Command>) {
        commands.into_iter().for_each(|command| self.send(command));
        self.show_sound();
        self.show_recording();
    }

    /// Takes what the thread of sounds tells, ten times a second while something sounds.
    pub(super) fn heard(&self, heard: Heard) {
        let measured = match &heard {
            Heard::Measured { key, .. } => Some(key.clone()),
            _ => None,
        };
        let commands = self.app.borrow_mut().heard(heard);
        self.sound(commands);
        if let Some(key) = measured {
            self.redraw(|shown| shown.key.as_str() == key);
        }
    }

    /// The bytes of a sound came, or did not.
    pub(super) fn voice_news(&self, news: News) {
        let arrived = self.app.borrow_mut().voice.arrived(news);
        match arrived {
            Ok(command) => self.sound(command.into_iter().collect()),
            Err(failure) => {
                self.complain(convert::failure(failure));
                self.show_sound();
            }
        }
    }

    /// The account is gone: nothing of it is heard or recorded any more.
    pub(super) fn silence(&self) {
        let commands = self.app.borrow_mut().voice.end();
        self.sound(commands);
    }

    fn show_sound(&self) {
        let global = self.window.global::<ui::Voice>();
        let app = self.app.borrow();
        let state = &app.voice;
        let (mute, why) = state.mute.as_ref().map_or(("", None), |(key, trouble)| (key.as_str(), Some(*trouble)));
        global.set_mute(mute.into());
        global.set_mute_why(trouble(why));
        // With one digit at most: 1, 1.5, 2.
        let speed = state.speed().to_string();
        global.set_speed(if self.speaks_with_comma() { speed.replace('.', ",") } else { speed }.into());
        let Some(playing) = &state.playing else {
            global.set_key("".into());
            global.set_step(ui::SoundStep::Idle);
            return;
        };
        // First the place: a card that becomes the one that plays does not show that of another.
        global.set_part(playing.part());
        global.set_elapsed(passed(playing.at_ms).into());
        global.set_total(media::clock(playing.total_ms).into());
        global.set_who(playing.track.who.as_str().into());
        global.set_name(playing.track.name.as_str().into());
        global.set_voice(playing.track.voice);
        global.set_step(match playing.step {
            Step::Loading => ui::SoundStep::Loading,
            Step::Playing => ui::SoundStep::Playing,
            Step::Paused => ui::SoundStep::Paused,
        });
        global.set_key(playing.track.key.as_str().into());
    }

    /// Shows what is recorded for the open room.
    pub(super) fn show_recording(&self) {
        let global = self.window.global::<ui::Voice>();
        let app = self.app.borrow();
        let open = app.open.as_deref().unwrap_or_default();
        global.set_deaf(trouble(app.voice.deaf));
        if let Some(live) = app.voice.live.as_ref().filter(|live| live.room == open) {
            // The newest on the right.
            let mut levels = vec![0; STRIP_BARS.saturating_sub(live.levels.len())];
            levels.extend(&live.levels[live.levels.len().saturating_sub(STRIP_BARS)..]);
            global.set_levels(bars(&levels, STRIP_BARS));
            global.set_recorded(passed(live.ms).into());
            global.set_record(ui::RecordStep::Running);
        } else if let Some(take) = app.voice.take(open) {
            // Drawn once: while it is heard only the place changes.
            if global.get_record() != ui::RecordStep::Ready {
                global.set_levels(bars(&take.waveform, STRIP_BARS));
            }
            global.set_recorded(media::clock(take.duration_ms).into());
            global.set_record(ui::RecordStep::Ready);
        } else {
            global.set_record(ui::RecordStep::None);
        }
    }
}
