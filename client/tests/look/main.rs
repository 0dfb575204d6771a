//! The pages as they are painted, with real letters: none of the program's own words is cut, in either language, on the
//! smallest screen and window and with large letters. `PARTA_UPDATE=1` writes the pictures of docs/pictures anew, to be
//! looked at.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

mod cut;
mod keys;
mod scene;

use std::{collections::BTreeSet, path::Path, rc::Rc, time::Instant};

use clap::Parser;
use parta_client::{
    model::{
        crypto,
        update::{Connection, Update},
    },
    options::Options,
    settings::Settings,
    view::{View, ui, wire},
};
use scene::{CLASS, Scene};
use slint::{
    ComponentHandle,
    platform::{
        Platform, WindowAdapter,
        software_renderer::{MinimalSoftwareWindow, RepaintBufferType},
    },
};

/// A window without a display.
struct Paper {
    adapter: Rc<MinimalSoftwareWindow>,
    begun: Instant,
}

impl Platform for Paper {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, slint::PlatformError> {
        Ok(self.adapter.clone())
    }

    fn duration_since_start(&self) -> std::time::Duration {
        self.begun.elapsed()
    }
}

/// A window of a size, and letters of one.
#[derive(Clone, Copy)]
struct Look {
    russian: bool,
    dark: bool,
    size: (u32, u32),
    letters: u16,
}

/// A page and how to come to it.
type Page = (&'static str, fn(&ui::MainWindow));

fn overlay(window: &ui::MainWindow, overlay: ui::Overlay) {
    window.global::<ui::App>().invoke_open_overlay(overlay);
}

fn settings(window: &ui::MainWindow, section: ui::SettingsSection) {
    window.global::<ui::Prefs>().set_section(section);
    overlay(window, ui::Overlay::Settings);
}

/// The pages behind the first sign-in.
const PAGES: [Page; 29] = [
    ("conversation", |_| {}),
    ("about-the-room", |window| window.global::<ui::Panel>().invoke_show_info()),
    ("threads", |window| window.global::<ui::Threads>().invoke_show_list()),
    ("new-game", |window| window.global::<ui::Panel>().set_side(ui::Side::Game)),
    ("pins", |window| window.global::<ui::Panel>().set_side(ui::Side::Pins)),
    ("new-chat", |window| overlay(window, ui::Overlay::NewChat)),
    ("new-room", |window| overlay(window, ui::Overlay::NewRoom)),
    ("new-space", |window| overlay(window, ui::Overlay::NewSpace)),
    ("directory", |window| overlay(window, ui::Overlay::Directory)),
    ("invite", |window| overlay(window, ui::Overlay::Invite)),
    ("leave", |window| overlay(window, ui::Overlay::Leave)),
    ("sign-out", |window| overlay(window, ui::Overlay::SignOut)),
    ("profile", |window| overlay(window, ui::Overlay::Profile)),
    ("poll", |window| overlay(window, ui::Overlay::Poll)),
    ("files", |window| overlay(window, ui::Overlay::Files)),
    ("plain-games", |window| overlay(window, ui::Overlay::PlainGames)),
    ("help", |window| overlay(window, ui::Overlay::Help)),
    ("shortcuts", |window| overlay(window, ui::Overlay::Shortcuts)),
    ("recovery", |window| overlay(window, ui::Overlay::Recovery)),
    ("feedback", |window| overlay(window, ui::Overlay::Feedback)),
    ("search", |window| window.global::<ui::Panel>().set_side(ui::Side::Search)),
    ("settings", |window| settings(window, ui::SettingsSection::General)),
    ("settings-appearance", |window| settings(window, ui::SettingsSection::Appearance)),
    ("settings-notifications", |window| settings(window, ui::SettingsSection::Notifications)),
    ("settings-account", |window| settings(window, ui::SettingsSection::Account)),
    ("settings-devices", |window| settings(window, ui::SettingsSection::Devices)),
    ("settings-storage", |window| settings(window, ui::SettingsSection::Storage)),
    ("settings-network", |window| settings(window, ui::SettingsSection::Network)),
    ("settings-about", |window| settings(window, ui::SettingsSection::About)),
];

/// The pages whose pictures are kept.
const KEPT: [&str; 14] = [
    "sign-in",
    "conversation",
    "chess",
    "draughts",
    "new-game",
    "gomoku",
    "battleship",
    "hangman",
    "help",
    "settings-appearance",
    "settings-devices",
    "new-room",
    "about-the-room",
    "verify-emoji",
];

struct Window {
    adapter: Rc<MinimalSoftwareWindow>,
    view: Rc<View>,
    own_words: BTreeSet<String>,
    look: Look,
    _folder: tempfile::TempDir,
}

impl Window {
    fn open(adapter: &Rc<MinimalSoftwareWindow>, look: Look) -> Self {
        let language = if look.russian { "ru" } else { "en" };
        let theme = if look.dark { "dark" } else { "light" };
        let folder = tempfile::tempdir().unwrap();
        let options = Options::parse_from(["parta", "--lang", language, "--theme", theme]);
        let settings = Settings { text_size: look.letters, ..Settings::default() };
        let view = View::new(Box::new(|_| {}), settings, folder.path().to_path_buf(), &options).unwrap();
        wire(&view);
        adapter.set_size(slint::PhysicalSize::new(look.size.0, look.size.1));
        view.window().show().unwrap();
        let own_words = cut::own_words(look.russian);
        Self { adapter: Rc::clone(adapter), view, own_words, look, _folder: folder }
    }

    /// Lets what watches a property see its change, and what is only made when it is painted be made.
    fn settle(&self) {
        for _ in 0..2 {
            slint::platform::update_timers_and_animations();
            self.adapter.request_redraw();
            self.adapter.window().take_snapshot().unwrap();
        }
    }

    /// Paints a page, and keeps its picture if it is one of those and it is asked for.
    fn paint(&self, page: &str) {
        self.settle();
        let Look { russian, size, letters, .. } = self.look;
        if std::env::var_os("PARTA_UPDATE").is_some() && letters == 100 && size.0 == 1366 && KEPT.contains(&page) {
            let language = if russian { "ru" } else { "en" };
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
            std::fs::create_dir_all(&folder).unwrap();
            self.save(&folder.join(format!("{page}-{language}.png")));
        }
    }

    /// The words that are cut on a page.
    fn look(&self, page: &str) -> Vec<String> {
        self.paint(page);
        let Look { dark, size, letters, .. } = self.look;
        let found = cut::find(self.view.window().window(), &self.own_words);
        let place = format!("{page}, {}×{}, letters of {letters} %", size.0, size.1);
        if let Some(folder) = std::env::var_os("PARTA_TEST_PICTURES")
            && !found.is_empty()
        {
            let theme = if dark { "dark" } else { "light" };
            self.save(&Path::new(&folder).join(format!("cut-{page}-{theme}-{}-{letters}.png", size.0)));
        }
        found.into_iter().map(|words| format!("{place}: {words}")).collect()
    }

    fn save(&self, file: &Path) {
        let picture = self.adapter.window().take_snapshot().unwrap();
        let pixels = picture.as_bytes().to_vec();
        image::RgbaImage::from_raw(picture.width(), picture.height(), pixels).unwrap().save(file).unwrap();
    }

    /// Goes through all pages.
    fn walk(&self) -> Vec<String> {
        let window = self.view.window();
        self.view.apply(Update::SignedOut(None));
        let mut found = self.look("sign-in");
        window.global::<ui::SignIn>().set_registering(true);
        found.extend(self.look("new-account"));
        let scene = Scene { russian: self.look.russian };
        // Somebody new is in no room yet.
        for update in [scene.account(), Update::RoomsLoaded, Update::Connection(Connection::Online)] {
            self.view.apply(update);
        }
        window.global::<ui::Tour>().set_running(false);
        found.extend(self.look("no-rooms"));
        for (at, update) in scene.updates().into_iter().enumerate() {
            self.view.apply(update);
            // Rooms are there: one of them is opened, and what follows is about it.
            if at == 4 {
                window.global::<ui::Tour>().set_running(false);
                window.global::<ui::Rooms>().invoke_open(CLASS.into());
            }
        }
        for (name, go) in PAGES {
            window.global::<ui::App>().invoke_close_overlay();
            window.global::<ui::Panel>().set_side(ui::Side::None);
            go(window);
            found.extend(self.look(name));
        }
        window.global::<ui::App>().invoke_close_overlay();
        self.view.apply(scene.chess());
        window.global::<ui::Games>().invoke_show("c".into());
        found.extend(self.look("chess"));
        for (page, updates) in scene.wordy_boards() {
            updates.into_iter().for_each(|update| self.view.apply(update));
            window.global::<ui::Games>().invoke_show(page.into());
            found.extend(self.look(page));
        }
        window.global::<ui::Games>().set_chosen(ui::GameKind::Hangman);
        window.global::<ui::Games>().invoke_back();
        found.extend(self.look("new-game-for-all"));
        window.global::<ui::Games>().set_chosen(ui::GameKind::Chess);
        window.global::<ui::Panel>().set_side(ui::Side::None);
        found.extend(self.walk_keys(&scene));
        // What boards say is looked at before; here it is their pictures, for hundreds of fields take long to paint.
        if std::env::var_os("PARTA_UPDATE").is_some() {
            for (page, update) in scene.boards() {
                self.view.apply(update);
                window.global::<ui::Games>().invoke_show(page.into());
                self.paint(page);
            }
        }
        window.hide().unwrap();
        found
    }

    /// What is said of keys and devices.
    fn walk_keys(&self, scene: &Scene) -> Vec<String> {
        let window = self.view.window();
        let mut found = Vec::new();
        scene.doubts().into_iter().for_each(|update| self.view.apply(update));
        found.extend(self.look("changed-keys"));
        overlay(window, ui::Overlay::SignOut);
        self.view.apply(Update::Crypto(crypto::News::Unsent(2)));
        found.extend(self.look("sign-out-with-loss"));
        self.view.apply(Update::Crypto(crypto::News::Stands(crypto::Standing::Locked, true)));
        window.global::<ui::Crypto>().invoke_begin();
        found.extend(self.look("confirm"));
        window.global::<ui::App>().invoke_close_overlay();
        window.global::<ui::Prefs>().set_section(ui::SettingsSection::Devices);
        overlay(window, ui::Overlay::Settings);
        window.global::<ui::Devices>().set_leaving("OLD".into());
        window.global::<ui::Devices>().set_renaming("PHONE".into());
        found.extend(self.look("settings-devices-leaving"));
        window.global::<ui::App>().invoke_close_overlay();
        for (name, update) in scene.verification() {
            self.view.apply(update);
            found.extend(self.look(name));
        }
        window.global::<ui::Verify>().invoke_close();
        found
    }
}

#[test]
fn none_of_the_programs_words_is_cut() {
    let adapter = MinimalSoftwareWindow::new(RepaintBufferType::NewBuffer);
    let paper = Paper { adapter: adapter.clone(), begun: Instant::now() };
    slint::platform::set_platform(Box::new(paper)).unwrap();
    let mut found = Vec::new();
    for russian in [true, false] {
        for (dark, size, letters) in [(false, (1366, 768), 100), (true, (1000, 700), 130)] {
            found.extend(Window::open(&adapter, Look { russian, dark, size, letters }).walk());
        }
    }
    found.sort();
    found.dedup();
    assert!(found.is_empty(), "{} are cut:\n{}", found.len(), found.join("\n"));
}
