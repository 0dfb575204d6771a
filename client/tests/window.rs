//! The real program on a real display opens its window, paints the sign-in page and ends when the window is closed.
//!
//! `deploy/test.sh` brings a display; elsewhere the test uses the one it is started on.

use std::{
    collections::HashSet,
    process::{Child, Command, ExitStatus},
    thread::sleep,
    time::{Duration, Instant},
};

use x11rb::{
    connection::Connection as _,
    errors::ReplyError,
    protocol::xproto::{
        Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, ImageFormat, MapState, Window,
    },
    rust_connection::RustConnection,
};

/// Longest wait for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// Text on a page has edges in many shades; an empty window has one colour.
const COLOURS: usize = 50;

struct Display {
    connection: RustConnection,
    root: Window,
}

impl Display {
    fn open() -> Self {
        let (connection, screen) = x11rb::connect(None).expect("an X display, as deploy/test.sh brings one");
        let root = connection.setup().roots[screen].root;
        Self { connection, root }
    }

    fn atom(&self, name: &str) -> Atom {
        self.connection.intern_atom(false, name.as_bytes()).expect("a display").reply().expect("an atom").atom
    }

    /// The number of colours in the window that has this title and belongs to this process, if it is there.
    fn look(&self, title: &str, process: u32) -> Result<Option<(Window, usize)>, ReplyError> {
        let pid = self.atom("_NET_WM_PID");
        for window in self.connection.query_tree(self.root)?.reply()?.children {
            let owner = self.connection.get_property(false, window, pid, AtomEnum::CARDINAL, 0, 1)?.reply()?;
            if owner.value32().and_then(|mut values| values.next()) != Some(process) {
                continue;
            }
            let name = AtomEnum::WM_NAME;
            let named = self.connection.get_property(false, window, name, AtomEnum::ANY, 0, 64)?.reply()?.value;
            let shown = self.connection.get_window_attributes(window)?.reply()?.map_state == MapState::VIEWABLE;
            if named == title.as_bytes() && shown {
                return Ok(Some((window, self.colours(window)?)));
            }
        }
        Ok(None)
    }

    fn colours(&self, window: Window) -> Result<usize, ReplyError> {
        let size = self.connection.get_geometry(window)?.reply()?;
        let pixels = ImageFormat::Z_PIXMAP;
        let image = self.connection.get_image(pixels, window, 0, 0, size.width, size.height, u32::MAX)?.reply()?;
        Ok(image.data.chunks_exact(4).collect::<HashSet<_>>().len())
    }

    /// Presses the window's closing button.
    fn close(&self, window: Window) {
        let what = [self.atom("WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, self.atom("WM_PROTOCOLS"), what);
        self.connection.send_event(false, window, EventMask::NO_EVENT, event).expect("a display");
        self.connection.flush().expect("a display");
    }
}

/// The program; it does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("the program is ours")
    }
}

/// Asks again and again until there is an answer.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_program_opens_its_window_and_ends_with_it() {
    let display = Display::open();
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = Command::new(env!("CARGO_BIN_EXE_parta"));
    program.args(["--lang", "ru", "--theme", "light", "--data-dir"]).arg(folder.path());
    program.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    let mut program = Program(program.spawn().expect("the program starts"));
    let window = until("the window is painted", || {
        assert_eq!(program.ended(), None, "the program ended by itself");
        // A window may go while it is looked at.
        let (window, colours) = display.look("Parta", program.0.id()).ok()??;
        (colours >= COLOURS).then_some(window)
    });
    display.close(window);
    let status = until("the program ends", || program.ended());
    assert!(status.success(), "{status}");
}
