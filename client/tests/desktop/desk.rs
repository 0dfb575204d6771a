//! A desk of a classroom: a screen of its own, a session, the program, and a person's hands at its mouse and keys.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use x11rb::{
    connection::Connection,
    protocol::xproto::{AtomEnum, ConnectionExt},
};

use crate::{
    academy::{Line, Program},
    tree::{Element, Role, Tree},
    until,
};

/// A desk.
pub(crate) struct Desk {
    pub(crate) program: Option<Program>,
    pub(crate) tree: Tree,
    pub(crate) screen: String,
    pub(crate) folder: tempfile::TempDir,
    session: String,
    language: &'static str,
    _helpers: [Helper; 3],
}

/// A process behind the desk, ended with it.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // Asked rather than killed: a screen leaves its socket lying otherwise, and the next one stumbles over it.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

impl Helper {
    /// Starts one that says a line when it is ready.
    fn start(command: &mut Command) -> (Self, String) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; deploy/packages.sh test installs it"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line.trim().to_owned())
    }
}

impl Desk {
    /// Sets up a screen of a classroom's size and a session in which programs tell a screen reader what they show.
    pub(crate) fn set_up(language: &'static str) -> Self {
        // It takes the first number that is free, and says which. It does not begin anew when the last window goes: whoever
        // comes in at that moment, such as the window manager, would be thrown out.
        let arguments = ["-displayfd", "1", "-screen", "0", "1366x768x24", "-nolisten", "tcp", "-noreset"];
        let (xvfb, number) = Helper::start(Command::new("Xvfb").args(arguments));
        let screen = format!(":{number}");
        let (bus, session) = Helper::start(
            Command::new("dbus-daemon").args(["--session", "--print-address=1", "--nofork"]).env("DISPLAY", &screen),
        );
        // Gives the focus to the window that is in front, as on every desktop.
        let manager = Command::new("openbox")
            .arg("--sm-disable")
            .env("DISPLAY", &screen)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let manager = Helper(manager.expect("openbox is installed"));
        until("the window manager", || is_managed(&screen).then_some(()));
        let tree = Tree::open(&session).expect("at-spi2-core is installed");
        let folder = tempfile::tempdir().unwrap();
        Self { program: None, tree, screen, session, folder, language, _helpers: [manager, bus, xvfb] }
    }

    /// Something with this desk's screen and session.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.screen).env("DBUS_SESSION_BUS_ADDRESS", &self.session);
        command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET").env("HOME", self.folder.path());
        command.env("NO_PROXY", "127.0.0.1");
        command
    }

    /// Starts the program; a second time it finds what the first left.
    pub(crate) fn start(&mut self, line: &Line) {
        self.run(self.parta(line));
    }

    /// Runs the program at this desk.
    pub(crate) fn run(&mut self, command: Command) {
        self.program = Some(Program::start(command, &self.folder.path().join("parta.log")));
    }

    /// The program, as it is started here.
    pub(crate) fn parta(&self, line: &Line) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_parta"));
        command.args(["--lang", self.language, "--theme", "light", "--server", &line.address(), "--data-dir"]);
        command.arg(self.folder.path().join("data"));
        command
    }

    /// Ends the program without a word, as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.program = None;
    }

    /// The last element of this name, and of this role if there is one named, that has a size: what lies above comes last.
    pub(crate) fn look(&self, role: Option<Role>, name: &str) -> Option<Element> {
        self.tree.elements().into_iter().rfind(|element| {
            element.name == name
                && role.is_none_or(|role| element.role == role)
                && element.place.2 > 0
                && element.place.3 > 0
        })
    }

    /// Waits for an element.
    pub(crate) fn find(&self, role: Option<Role>, name: &str) -> Element {
        until(&format!("{name:?} at {}", self.screen), || self.look(role, name))
    }

    /// Waits for an element that stays where it is: a hand that goes for one on its way misses it.
    fn steady(&self, role: Role, name: &str) -> Element {
        let mut before = None;
        until(&format!("{name:?} at rest at {}", self.screen), || {
            let found = self.look(Some(role), name)?;
            (before.replace(found.place) == Some(found.place)).then_some(found)
        })
    }

    /// Waits until something of this name is there.
    pub(crate) fn see(&self, name: &str) -> Element {
        self.find(None, name)
    }

    /// Waits for an element whose name has these words in it.
    pub(crate) fn read(&self, words: &str) -> Element {
        until(&format!("the words {words:?}"), || {
            self.tree.elements().into_iter().find(|element| element.name.contains(words))
        })
    }

    /// Presses a button, a row or whatever else there is of this name with the mouse.
    pub(crate) fn press(&self, name: &str) {
        self.click(&self.steady(Role::Button, name));
    }

    /// Presses the mouse in the middle of an element.
    pub(crate) fn click(&self, element: &Element) {
        let (x, y) = element.middle();
        self.hands(&["mousemove", "--sync", &x.to_string(), &y.to_string(), "click", "1"]);
    }

    /// Moves the mouse over an element.
    pub(crate) fn point(&self, element: &Element) {
        let (x, y) = element.middle();
        self.hands(&["mousemove", "--sync", &x.to_string(), &y.to_string()]);
    }

    /// All that there is, from the top.
    pub(crate) fn elements(&self) -> Vec<Element> {
        self.tree.elements()
    }

    /// How many elements have a name that begins so.
    pub(crate) fn count(&self, begins: &str) -> usize {
        self.tree.elements().iter().filter(|element| element.name.starts_with(begins)).count()
    }

    /// How many messages have these words.
    pub(crate) fn messages(&self, words: &str) -> usize {
        let messages = self.tree.elements().into_iter().filter(|element| element.role == Role::Button);
        messages.filter(|element| element.name.contains(words) && element.name.contains(": ")).count()
    }

    /// The files of messages and sessions that are kept on this computer.
    pub(crate) fn kept(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files(&self.folder.path().join("data"), &mut found);
        found.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name != "settings.json" && !name.starts_with("instance.")
        });
        found
    }

    /// Names a file in the dialog that the system shows.
    pub(crate) fn choose_file(&self, file: &Path) {
        self.hands(&["search", "--sync", "--onlyvisible", "--class", "zenity", "windowfocus", "--sync"]);
        // The field for the whole path comes with its first character, and what is written before it stands there is lost.
        let fields = || self.tree.elements().into_iter().filter(|found| found.role == Role::Field && found.place.2 > 1);
        let before = fields().count();
        self.key("slash");
        until("the field for a path", || (fields().count() > before).then_some(()));
        self.keys(file.strip_prefix("/").expect("the test's folder has its whole path").to_str().unwrap());
        self.key("Return");
    }

    /// Puts the cursor into a field and writes.
    pub(crate) fn write(&self, field: &str, words: &str) {
        self.click(&self.steady(Role::Field, field));
        self.keys(words);
    }

    /// Writes wherever the cursor is.
    pub(crate) fn keys(&self, words: &str) {
        self.hands(&["type", "--delay", "15", words]);
    }

    /// Presses a key, such as `ctrl+v`.
    pub(crate) fn key(&self, key: &str) {
        self.hands(&["key", key]);
    }

    pub(crate) fn hands(&self, arguments: &[&str]) {
        let done = self.command("xdotool").args(arguments).status().expect("xdotool is installed");
        assert!(done.success(), "{arguments:?}");
    }

    /// Copies a picture as another program would.
    pub(crate) fn copy_picture(&self, file: &Path) {
        let done = self.command("xclip").args(["-selection", "clipboard", "-t", "image/png", "-i"]).arg(file).status();
        assert!(done.expect("xclip is installed").success());
    }

    /// Puts what the screen shows into a file of `PARTA_TEST_PICTURES`, where that is set: to be looked at.
    pub(crate) fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("PARTA_TEST_PICTURES") {
            let file = PathBuf::from(folder).join(format!("{name}.png"));
            let _ = self.command("import").args(["-window", "root"]).arg(file).status();
        }
    }

    /// What is on the screen, for a test that failed.
    pub(crate) fn told(&self) -> String {
        let lines = self.tree.elements().into_iter().filter(|element| !element.name.is_empty());
        let shown: Vec<String> =
            lines.map(|element| format!("{:?} {:?} {:?}", element.role, element.name, element.place)).collect();
        let log = std::fs::read_to_string(self.folder.path().join("parta.log")).unwrap_or_default();
        format!("on {}:\n{}\nthe program's log:\n{log}", self.screen, shown.join("\n"))
    }
}

/// All files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Whether a window manager owns the screen: a window that comes before it stays without a frame, in a corner
/// (Extended Window Manager Hints, `_NET_SUPPORTING_WM_CHECK`).
fn is_managed(screen: &str) -> bool {
    let ask = || {
        let (connection, number) = x11rb::connect(Some(screen)).ok()?;
        let root = connection.setup().roots[number].root;
        let check = connection.intern_atom(false, b"_NET_SUPPORTING_WM_CHECK").ok()?.reply().ok()?.atom;
        let owner = connection.get_property(false, root, check, AtomEnum::WINDOW, 0, 1).ok()?.reply().ok()?;
        Some(owner.value_len == 1)
    };
    ask().unwrap_or(false)
}

impl Drop for Desk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.picture(&format!("failed-{}", self.screen.trim_start_matches(':')));
            eprintln!("{}", self.told());
        }
    }
}
