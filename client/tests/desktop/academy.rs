//! A real server and a real game service on free ports of this computer, and a line to them that can be cut.

use std::{
    fs::File,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::until;

/// Name of the server.
pub(crate) const NAME: &str = "academy.test";

/// A program that ends with its test.
pub(crate) struct Program(Child);

impl Program {
    /// Starts a program, its words going into a file.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap_or_else(|error| panic!("starting {command:?}: {error}")))
    }
}

impl Program {
    /// Its number at the kernel.
    #[allow(dead_code, reason = "the benchmark asks")]
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The server, the game service, and where they keep things.
pub(crate) struct Academy {
    port: u16,
    folder: tempfile::TempDir,
    _programs: [Program; 2],
}

impl Academy {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, games_port) = (free_port(), free_port());
        let base = format!("http://127.0.0.1:{port}");
        let registrations = folder.path().join("server/appservices");
        std::fs::create_dir_all(&registrations).unwrap();
        let registration = registrations.join("games.yaml");
        let made = Command::new(binary("parta-games"))
            .args([
                "registration",
                "generate",
                "--server-name",
                NAME,
                "--url",
                &format!("http://127.0.0.1:{games_port}"),
            ])
            .arg("--output")
            .arg(&registration)
            .status()
            .unwrap();
        assert!(made.success());
        let config = folder.path().join("games.toml");
        let text = format!(
            "homeserver = \"{base}\"\nserver_name = \"{NAME}\"\nlisten = \"127.0.0.1:{games_port}\"\n\
             data_dir = \"games\"\nregistration = \"server/appservices/games.yaml\"\n"
        );
        std::fs::write(&config, text).unwrap();

        let mut server = Command::new(binary("parta-server"));
        server.args(["serve", "--dev", "--server-name", NAME, "--registration-secret", "s", "--listen"]);
        server.arg(format!("127.0.0.1:{port}")).arg("--data-dir").arg(folder.path().join("server"));
        let server = Program::start(server, &folder.path().join("server.log"));
        until("the server answers", || TcpStream::connect(("127.0.0.1", port)).ok());
        let mut games = Command::new(binary("parta-games"));
        games.args(["serve", "--config"]).arg(&config);
        let games = Program::start(games, &folder.path().join("games.log"));
        until("the games answer", || TcpStream::connect(("127.0.0.1", games_port)).ok());
        Self { port, folder, _programs: [server, games] }
    }

    /// Where tests may put files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A line to the server.
    pub(crate) fn line(&self) -> Line {
        Line::lay(self.port)
    }
}

/// A program of this workspace, which the tests' own build made too.
fn binary(name: &str) -> PathBuf {
    // target/PROFILE/deps/desktop-… → target/PROFILE/NAME
    let test = std::env::current_exe().unwrap();
    let beside = test.ancestors().nth(2).unwrap().join(name);
    assert!(beside.exists(), "{name} is not built: cargo build --workspace");
    beside
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether what somebody says first begins so; it stays to be read.
fn begins_with(stream: &TcpStream, words: &[u8]) -> bool {
    let mut heard = vec![0; words.len()];
    // A connection that is opened ahead of its need says nothing yet.
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let heard = stream.peek(&mut heard).is_ok_and(|_| heard == words);
    stream.set_read_timeout(None).unwrap();
    heard
}

/// A line to the server that can be cut and mended, like a cable.
pub(crate) struct Line {
    port: u16,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    fn lay(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let line = Self { port, cut: Arc::clone(&cut), open: Arc::clone(&open) };
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // The server says where it lives itself, and who hears that goes there past this line.
                if begins_with(&near, b"GET /.well-known/") {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", to)) else { return };
                let mut streams = open.lock().unwrap();
                if cut.load(Ordering::SeqCst) {
                    let _ = near.shutdown(Shutdown::Both);
                    continue;
                }
                streams.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                    thread::spawn(move || {
                        let mut buffer = vec![0; 64 << 10];
                        while let Ok(read @ 1..) = from.read(&mut buffer)
                            && to.write_all(&buffer[..read]).is_ok()
                        {}
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        line
    }

    /// Address of the server by this line.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Nothing goes through any more, and what is under way is lost.
    pub(crate) fn cut(&self) {
        let mut open = self.open.lock().unwrap();
        self.cut.store(true, Ordering::SeqCst);
        for stream in open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// All goes through again.
    pub(crate) fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}
