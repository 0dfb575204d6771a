//! The settings: what was chosen goes into the window and into `settings.json` at once.

use std::{rc::Rc, time::Duration};

use jiff::Zoned;
use slint::{ComponentHandle, Model, ModelRc, SharedString, TimerMode, VecModel};

use super::{convert, ui, window::View, wiring::on};
use crate::{
    desktop::autostart,
    matrix,
    model::{
        command::Command,
        notify::Rest,
        person,
        settings::{News, Rules, Tells, Wish},
    },
    settings::{self, Density, Network, ProxyChoice, Settings, TEXT_SIZES},
};

/// Longest key word that is taken.
const LONGEST_WORD: usize = 100;

impl View {
    /// Shows every choice.
    pub(super) fn show_choices(&self) {
        let settings = self.settings.borrow();
        let theme = self.window.global::<ui::Theme>();
        let before = theme.get_scale();
        theme.set_scale(f32::from(settings.text_size) / 100.0);
        theme.set_compact(settings.density == Density::Compact);
        let prefs = self.window.global::<ui::Prefs>();
        prefs.set_enter_sends(settings.enter_sends);
        prefs.set_close_to_tray(settings.close_to_tray);
        let step = TEXT_SIZES.iter().position(|size| *size == settings.text_size).unwrap_or(1);
        prefs.set_text_step(i32::try_from(step).unwrap_or(1));
        prefs.set_compact(settings.density == Density::Compact);
        let choices = settings.notifications;
        prefs.set_notify(choices.on);
        prefs.set_sound(choices.sound);
        prefs.set_previews(choices.previews);
        prefs.set_quiet(choices.hours.on);
        prefs.set_quiet_from(choices.hours.from.into());
        prefs.set_quiet_to(choices.hours.to.into());
        prefs.set_quiet_days(ModelRc::new(VecModel::from(choices.hours.days.to_vec())));
        prefs.set_proxy(match settings.network.proxy {
            ProxyChoice::System => 0,
            ProxyChoice::None => 1,
            ProxyChoice::Address => 2,
        });
        prefs.set_authorities(settings.network.authorities.as_deref().unwrap_or_default().into());
        drop(settings);
        self.show_rest();
        if (before - theme.get_scale()).abs() > 0.001 {
            self.redraw(|shown| shown.pictured);
        }
    }

    /// What the settings say once, when the window is made.
    pub(super) fn begin_settings(&self) {
        let prefs = self.window.global::<ui::Prefs>();
        prefs.set_proxy_address(self.settings.borrow().network.address.as_str().into());
        let build = format!("{} · {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
        prefs.set_build(build.into());
        self.show_choices();
    }

    /// Whether the person is not to be disturbed, and until when.
    fn show_rest(&self) {
        let now = Zoned::now();
        let until = self.settings.borrow().notifications.until_ms;
        let end = until
            .and_then(|until| jiff::Timestamp::from_millisecond(until).ok())
            .map(|until| until.to_zoned(now.time_zone().clone()))
            .filter(|until| *until > now);
        let prefs = self.window.global::<ui::Prefs>();
        prefs.set_resting(end.is_some());
        prefs.set_resting_until(end.as_ref().map(|end| end.strftime("%H:%M").to_string().into()).unwrap_or_default());
        self.show_tray();
        if let Some(end) = end {
            let left = u64::try_from(end.timestamp().as_millisecond() - now.timestamp().as_millisecond()).unwrap_or(0);
            let weak = self.itself();
            self.resting.start(TimerMode::SingleShot, Duration::from_millis(left + 500), move || {
                if let Some(this) = weak.upgrade() {
                    this.show_rest();
                }
            });
        } else {
            self.resting.stop();
        }
    }

    /// Makes a choice: it holds at once and is kept.
    pub(super) fn choose(&self, make: impl FnOnce(&mut Settings)) {
        {
            let mut settings = self.settings.borrow_mut();
            let before = settings.clone();
            make(&mut settings);
            if *settings == before {
                return;
            }
            settings.save(&self.data_dir);
        }
        self.show_choices();
    }

    /// Not to be disturbed for so many hours, or until the morning; none ends it.
    pub(super) fn rest(&self, rest: Option<Rest>) {
        self.choose(|settings| settings.notifications.until_ms = rest.map(|rest| rest.end(&Zoned::now())));
    }

    /// What the account or the local store answered.
    pub(super) fn settings_news(&self, news: News) {
        let prefs = self.window.global::<ui::Prefs>();
        match news {
            News::Ignored(people) => {
                let people: Vec<ui::PersonEntry> = people
                    .into_iter()
                    .map(|id| ui::PersonEntry {
                        name: person::localpart(&id).into(),
                        initials: person::initials(person::localpart(&id)).into(),
                        tint: person::tint(&id),
                        id: id.into(),
                        ..ui::PersonEntry::default()
                    })
                    .collect();
                prefs.set_ignored(ModelRc::new(VecModel::from(people)));
            }
            News::Rules(rules) => show_rules(&prefs, rules),
            News::Sizes { store, media } => {
                let comma = self.language_code() == "ru";
                prefs.set_store_size(convert::bytes(store, comma).into());
                prefs.set_media_size(convert::bytes(media, comma).into());
            }
            News::PasswordChanged => {
                prefs.set_password_busy(false);
                prefs.set_password_failure(ui::Failure::None);
                prefs.set_password_changed(true);
            }
            News::PasswordFailed(failure) => {
                prefs.set_password_busy(false);
                prefs.set_password_failure(convert::failure(failure));
            }
            News::Done => prefs.set_storage_busy(false),
            News::Failed(failure) => {
                prefs.set_storage_busy(false);
                self.complain(convert::failure(failure));
                // What was chosen and did not come to be is shown as it is.
                self.send(Command::Settings(Wish::Describe));
            }
        }
    }

    /// The account is another one, or none.
    pub(super) fn forget_account_settings(&self) {
        let prefs = self.window.global::<ui::Prefs>();
        prefs.set_rules_known(false);
        prefs.set_keywords(ModelRc::default());
        prefs.set_ignored(ModelRc::default());
        prefs.set_store_size(SharedString::default());
        prefs.set_media_size(SharedString::default());
        prefs.set_password_busy(false);
        prefs.set_password_changed(false);
        prefs.set_password_failure(ui::Failure::None);
        prefs.set_storage_busy(false);
        prefs.set_network_changed(false);
        prefs.set_section(ui::SettingsSection::General);
        prefs.set_inside(false);
    }

    fn choose_network(&self, make: impl FnOnce(&mut Network)) {
        let before = self.settings.borrow().network.clone();
        self.choose(|settings| make(&mut settings.network));
        if self.settings.borrow().network != before {
            self.window.global::<ui::Prefs>().set_network_changed(true);
        }
    }

    /// Keeps the certificate authorities of a file.
    fn trust(&self, name: &str, bytes: &[u8]) {
        let prefs = self.window.global::<ui::Prefs>();
        let sound = matrix::are_authorities(bytes);
        prefs.set_authorities_wrong(!sound);
        if !sound {
            return;
        }
        let kept = std::fs::create_dir_all(&self.data_dir)
            .and_then(|()| std::fs::write(settings::authorities(&self.data_dir), bytes));
        match kept {
            Ok(()) => {
                // What was told of the server's certificate may be true no more.
                self.window.global::<ui::SignIn>().set_failure(ui::Failure::None);
                // The same name may be another file.
                self.choose_network(|network| network.authorities = None);
                self.choose_network(|network| network.authorities = Some(name.to_owned()));
            }
            Err(error) => {
                tracing::warn!(%error, "certificate authorities cannot be kept");
                self.complain(ui::Failure::CannotSave);
            }
        }
    }
}

fn show_rules(prefs: &ui::Prefs<'_>, rules: Rules) {
    let index = |tells| i32::from(tells != Tells::All);
    prefs.set_rooms(index(rules.rooms));
    prefs.set_chats(index(rules.chats));
    let words: Vec<SharedString> = rules.keywords.iter().map(SharedString::from).collect();
    prefs.set_keywords(ModelRc::new(VecModel::from(words)));
    prefs.set_rules_known(true);
}

/// Reads and writes the system's list of programs to start on a thread: it is a file or the registry.
fn ask_autostart(view: &View, set: Option<bool>) {
    let weak = view.window.as_weak();
    let spawned = std::thread::Builder::new().name("autostart".into()).spawn(move || {
        let failed = set.is_some_and(|on| !autostart::set(on));
        let on = autostart::is_on();
        let _ = weak.upgrade_in_event_loop(move |window| {
            window.global::<ui::Prefs>().set_autostart(on);
            if failed {
                window.global::<ui::App>().set_failure(ui::Failure::Other);
            }
        });
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread for the list of programs");
    }
}

/// Connects the settings.
pub(super) fn wire(view: &Rc<View>) {
    on!(view, Prefs, on_shown, |this, section| {
        match section {
            ui::SettingsSection::General if this.settled() => ask_autostart(&this, None),
            ui::SettingsSection::Notifications | ui::SettingsSection::Account => {
                this.window.global::<ui::Prefs>().set_password_changed(false);
                this.send(Command::Settings(Wish::Describe));
            }
            ui::SettingsSection::Devices => this.load_devices(),
            ui::SettingsSection::Storage => this.send(Command::Settings(Wish::Measure)),
            _ => {}
        }
    });
    on!(view, Prefs, on_changed, |this| {
        let prefs = this.window.global::<ui::Prefs>();
        let minute = |minute: i32| u16::try_from(minute.rem_euclid(24 * 60)).unwrap_or(0);
        this.choose(|settings| {
            settings.enter_sends = prefs.get_enter_sends();
            settings.close_to_tray = prefs.get_close_to_tray();
            settings.density = if prefs.get_compact() { Density::Compact } else { Density::Comfortable };
            let choices = &mut settings.notifications;
            choices.on = prefs.get_notify();
            choices.sound = prefs.get_sound();
            choices.previews = prefs.get_previews();
            choices.hours.on = prefs.get_quiet();
            choices.hours.from = minute(prefs.get_quiet_from());
            choices.hours.to = minute(prefs.get_quiet_to());
        });
    });
    on!(view, Prefs, on_autostart_picked, |this| {
        let on = this.window.global::<ui::Prefs>().get_autostart();
        ask_autostart(&this, Some(on));
    });
    on!(view, Prefs, on_text_step_picked, |this, step| {
        let size = usize::try_from(step).ok().and_then(|step| TEXT_SIZES.get(step)).copied().unwrap_or(100);
        this.choose(|settings| settings.text_size = size);
    });
    on!(view, Prefs, on_day_pressed, |this, day| {
        let day = usize::try_from(day).unwrap_or(0).min(6);
        this.choose(|settings| settings.notifications.hours.days[day] ^= true);
    });
    on!(view, Prefs, on_rest, |this, hours| {
        this.rest(match hours {
            1 => Some(Rest::Hour),
            4 => Some(Rest::FourHours),
            8 => Some(Rest::Morning),
            _ => None,
        });
    });
    on!(view, Prefs, on_proxy_picked, |this, index| {
        this.choose_network(|network| {
            network.proxy = match index {
                1 => ProxyChoice::None,
                2 => ProxyChoice::Address,
                _ => ProxyChoice::System,
            };
        });
    });
    on!(view, Prefs, on_proxy_entered, |this, address| {
        let address = address.trim();
        let sound = Network::sound(address);
        this.window.global::<ui::Prefs>().set_proxy_wrong(!sound);
        if sound {
            this.choose_network(|network| address.clone_into(&mut network.address));
        }
    });
    on!(view, Prefs, on_forget_authorities, |this| {
        this.choose_network(|network| network.authorities = None);
        let _ = std::fs::remove_file(settings::authorities(&this.data_dir));
    });
    on!(view, Prefs, on_choose_authorities, |this| {
        let weak = Rc::downgrade(&this);
        let asked = slint::spawn_local(async move {
            let dialog = rfd::AsyncFileDialog::new().add_filter("PEM, DER", &["pem", "crt", "cer", "der"]);
            if let (Some(file), Some(this)) = (dialog.pick_file().await, weak.upgrade()) {
                match std::fs::read(file.path()) {
                    Ok(bytes) => this.trust(&file.file_name(), &bytes),
                    Err(error) => {
                        tracing::warn!(%error, "certificate authorities cannot be read");
                        this.complain(ui::Failure::CannotRead);
                    }
                }
            }
        });
        if let Err(error) = asked {
            tracing::warn!(%error, "a file cannot be asked for");
        }
    });
    account(view);
}

/// What the account keeps rather than this computer.
fn account(view: &Rc<View>) {
    fn tells(index: i32) -> Tells {
        if index == 0 { Tells::All } else { Tells::Mentions }
    }
    on!(view, Prefs, on_rooms_picked, |this, index| this.send(Command::Settings(Wish::Rooms(tells(index)))));
    on!(view, Prefs, on_chats_picked, |this, index| this.send(Command::Settings(Wish::Chats(tells(index)))));
    on!(view, Prefs, on_add_keyword, |this, word| {
        let word: String = word.trim().chars().take(LONGEST_WORD).collect();
        let known = this.window.global::<ui::Prefs>().get_keywords().iter().any(|known| known == word);
        if !word.is_empty() && !known {
            this.send(Command::Settings(Wish::AddKeyword(word)));
        }
    });
    on!(view, Prefs, on_remove_keyword, |this, word| {
        this.send(Command::Settings(Wish::RemoveKeyword(word.into())));
    });
    on!(view, Prefs, on_change_password, |this, old, new| {
        let prefs = this.window.global::<ui::Prefs>();
        prefs.set_password_busy(true);
        prefs.set_password_changed(false);
        prefs.set_password_failure(ui::Failure::None);
        this.send(Command::Settings(Wish::ChangePassword { old: old.into(), new: new.into() }));
    });
    on!(view, Prefs, on_unignore, |this, user| this.send(Command::Settings(Wish::Unignore(user.into()))));
    on!(view, Prefs, on_clear_media, |this| {
        this.window.global::<ui::Prefs>().set_storage_busy(true);
        this.send(Command::Settings(Wish::ClearMedia));
    });
    on!(view, Prefs, on_refetch, |this| {
        this.window.global::<ui::Prefs>().set_storage_busy(true);
        this.send(Command::Settings(Wish::Refetch));
    });
}
