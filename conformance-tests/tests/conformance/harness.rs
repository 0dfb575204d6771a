//! Starts what the tests talk to, and stops it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::api::{Homeserver, PATIENCE, unique};

/// The secret that servers started here register accounts with.
pub(crate) const REGISTRATION_SECRET: &str = "black-box-secret";
/// The name of servers started here.
pub(crate) const SERVER_NAME: &str = "hs1";
/// Longest a single test may take.
const TEST_LIMIT: Duration = Duration::from_mins(5);

/// Makes each named function two tests, one an engine. A function takes the [`Homeserver`] that all tests share.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { $crate::harness::on($crate::harness::Engine::Sqlite, super::$name).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { $crate::harness::on($crate::harness::Engine::Postgres, super::$name).await; })*
        }
    };
}

/// Makes each named function two tests, one an engine. A function takes the [`Engine`] and starts servers of its own.
macro_rules! on_both_engines_alone {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { $crate::harness::alone($crate::harness::Engine::Sqlite, super::$name).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { $crate::harness::alone($crate::harness::Engine::Postgres, super::$name).await; })*
        }
    };
}

/// The database under the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// Runs a test on the shared server of this engine, or on `PARTA_TEST_BASE_URL`.
pub(crate) async fn on<F: AsyncFnOnce(Homeserver)>(engine: Engine, test: F) {
    let base = match (external(), engine) {
        (Some(base), Engine::Sqlite) => base,
        (Some(_), Engine::Postgres) => {
            return eprintln!("skipped: PARTA_TEST_BASE_URL names one server");
        }
        (None, _) => match shared(engine).await {
            Some(base) => base,
            None => return eprintln!("skipped: PARTA_TEST_POSTGRES_URL is not set"),
        },
    };
    tokio::time::timeout(TEST_LIMIT, test(Homeserver::new(&base))).await.expect("the test took too long");
}

/// Runs a test that starts its own servers.
pub(crate) async fn alone<F: AsyncFnOnce(Engine)>(engine: Engine, test: F) {
    if external().is_some() {
        return eprintln!("skipped: needs a server of its own");
    }
    if engine == Engine::Postgres && postgres_url().is_none() {
        return eprintln!("skipped: PARTA_TEST_POSTGRES_URL is not set");
    }
    tokio::time::timeout(TEST_LIMIT, test(engine)).await.expect("the test took too long");
}

fn external() -> Option<String> {
    std::env::var("PARTA_TEST_BASE_URL").ok().filter(|url| !url.is_empty())
}

fn postgres_url() -> Option<String> {
    std::env::var("PARTA_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty())
}

/// The server that all tests of an engine share, started by the first of them.
async fn shared(engine: Engine) -> Option<String> {
    static SQLITE: OnceCell<Option<Shared>> = OnceCell::const_new();
    static POSTGRES: OnceCell<Option<Shared>> = OnceCell::const_new();
    let cell = match engine {
        Engine::Sqlite => &SQLITE,
        Engine::Postgres => &POSTGRES,
    };
    let start = async {
        if engine == Engine::Postgres && postgres_url().is_none() {
            return None;
        }
        let setup = Setup::new(engine);
        // A static is never dropped, so the server is tied to this process by a pipe: when the process ends, in
        // whatever way, the pipe closes and the shell ends the server.
        let mut command = Command::new("sh");
        command.args(["-c", r#""$@" & child=$!; read -r _; kill -TERM $child; wait $child; rm -rf "$DATA""#, "sh"]);
        command.arg(server_binary()).args(setup.arguments()).env("DATA", setup.data.path()).stdin(Stdio::piped());
        let child = setup.spawn(command);
        let base = setup.base();
        wait_until_ready(&base, &setup.log()).await;
        // The shell removes the directory once the server has stopped.
        let _ = setup.data.keep();
        Some(Shared { base, _child: child })
    };
    cell.get_or_init(|| start).await.as_ref().map(|shared| shared.base.clone())
}

struct Shared {
    base: String,
    /// Holds the pipe open.
    _child: Child,
}

/// Where a server lives and how it is started, over several starts.
pub(crate) struct Setup {
    pub(crate) data: TempDir,
    pub(crate) port: u16,
    pub(crate) database: Option<String>,
    /// Arguments beyond the usual ones.
    pub(crate) more: Vec<String>,
    /// The configuration file to serve by, in place of the developer's mode.
    pub(crate) config: Option<PathBuf>,
}

impl Setup {
    /// An empty data directory, a free port and, on PostgreSQL, an empty database.
    pub(crate) fn new(engine: Engine) -> Self {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(fresh_database()),
        };
        let data = tempfile::Builder::new().prefix("parta-black-box-").tempdir().unwrap();
        Self { data, port: free_port(), database, more: Vec::new(), config: None }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.data.path().join("black-box.log")
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        if let Some(config) = &self.config {
            return ["--config", config.to_str().unwrap(), "serve"].map(str::to_owned).to_vec();
        }
        let mut arguments: Vec<String> = ["serve", "--dev", "--listen"].map(str::to_owned).to_vec();
        arguments.push(format!("127.0.0.1:{}", self.port));
        arguments.extend(["--data-dir".to_owned(), self.data.path().to_str().unwrap().to_owned()]);
        arguments
            .extend(["--server-name", SERVER_NAME, "--registration-secret", REGISTRATION_SECRET].map(str::to_owned));
        if let Some(database) = &self.database {
            arguments.extend(["--database-url".to_owned(), database.clone()]);
        }
        arguments.extend(self.more.iter().cloned());
        arguments
    }

    fn spawn(&self, mut command: Command) -> Child {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().unwrap_or_else(|error| panic!("starting {command:?}: {error}"))
    }

    /// Starts the server and waits until it answers.
    pub(crate) async fn start(self) -> Server {
        let mut server = Server { child: self.spawn_server(), setup: self };
        server.ready().await;
        server
    }

    fn spawn_server(&self) -> Child {
        let mut command = Command::new(server_binary());
        command.args(self.arguments()).stdin(Stdio::null());
        self.spawn(command)
    }
}

/// A server of one test's own.
pub(crate) struct Server {
    child: Child,
    pub(crate) setup: Setup,
}

impl Server {
    pub(crate) fn homeserver(&self) -> Homeserver {
        Homeserver::new(&self.setup.base())
    }

    async fn ready(&mut self) {
        wait_until_ready(&self.setup.base(), &self.setup.log()).await;
        assert!(self.child.try_wait().unwrap().is_none(), "the server ended: {}", log_of(&self.setup.log()));
    }

    /// SIGKILL: no chance to write anything more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; gives how long it took to end.
    pub(crate) async fn terminate(&mut self) -> Duration {
        let begun = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "SIGTERM did not end the server");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }

    /// Starts it again on the same data and the same port.
    pub(crate) async fn start_again(&mut self) {
        self.child = self.setup.spawn_server();
        self.ready().await;
    }

    /// What it has written to its log so far.
    pub(crate) fn log(&self) -> String {
        log_of(&self.setup.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log ends:\n{}", log_of(&self.setup.log()));
        }
    }
}

async fn wait_until_ready(base: &str, log: &Path) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let begun = Instant::now();
    loop {
        if let Ok(response) = http.get(format!("{base}/_matrix/client/versions")).send().await
            && response.status().is_success()
        {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{base} does not answer; its log: {}", log_of(log));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn log_of(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(6000)..]).into_owned()
}

/// The server to test: named by `PARTA_SERVER_BIN`, or lying beside this test, or built now.
pub(crate) fn server_binary() -> PathBuf {
    binary("PARTA_SERVER_BIN", "parta-server")
}

/// A program of this workspace, by the variable that may name it and by its own name, which is its package's too.
pub(crate) fn binary(variable: &str, name: &str) -> PathBuf {
    if let Some(named) = std::env::var_os(variable) {
        return named.into();
    }
    // target/PROFILE/deps/conformance-… → target/PROFILE/NAME
    let test = std::env::current_exe().unwrap();
    let beside = test.ancestors().nth(2).unwrap().join(name);
    if !beside.exists() {
        let built = Command::new(env!("CARGO")).args(["build", "--package", name]).status().unwrap();
        assert!(built.success() && beside.exists(), "cannot build {name}");
    }
    beside
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Creates an empty database beside the one that `PARTA_TEST_POSTGRES_URL` names, and removes those that test
/// processes which have ended left behind. Through `psql`, which is where PostgreSQL is.
fn fresh_database() -> String {
    let url: url::Url = postgres_url().unwrap().parse().unwrap();
    let names =
        psql(&url, "SELECT datname FROM pg_database WHERE datname LIKE 'parta\\_box\\_%'").expect("psql answers");
    for name in names.lines() {
        let owner = name.split('_').nth(2).unwrap_or_default();
        if !Path::new("/proc").join(owner).exists() {
            // Another test process may be doing the same at this moment: then it is gone already.
            let _ = psql(&url, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        }
    }
    let name = unique(&format!("parta_box_{}", std::process::id())).replace('-', "_");
    psql(&url, &format!("CREATE DATABASE \"{name}\" ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"))
        .unwrap_or_else(|error| panic!("creating a database: {error}"));
    let mut fresh = url;
    fresh.set_path(&name);
    fresh.into()
}

/// Runs one statement; gives its rows, a line each, or what psql said.
fn psql(url: &url::Url, statement: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args([url.as_str(), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", statement])
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
