//! The real process: how it takes connections and how it stops.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

const TOKEN: &str = "token-of-the-test";

/// A running `parta-server`, killed when it is dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts on a free port; an application service is registered, so that there is a token without an account.
    fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let registration = format!(
            "id: test\nurl: null\nas_token: {TOKEN}\nhs_token: x\nsender_localpart: tester\nnamespaces: {{}}\n"
        );
        std::fs::create_dir_all(folder.join("appservices")).unwrap();
        std::fs::write(folder.join("appservices/test.yaml"), registration).unwrap();
        let config = folder.join("parta.toml");
        let text = format!(
            "[server]\nname = \"hs1\"\nlisten = \"127.0.0.1:0\"\ndata_dir = \"{}\"\nshutdown_grace_seconds = 1\n\
             [appservices]\nfolder = \"{}\"\n",
            folder.display(),
            folder.join("appservices").display()
        );
        std::fs::write(&config, text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_parta-server"))
            .arg("--config")
            .arg(&config)
            .args(["--log-json", "serve"])
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line).ok()?;
                line["fields"]["address"].as_str()?.parse().ok()
            })
            .expect("the server says where it listens");
        // What it logs further is read, so that the pipe never fills.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn terminate(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        while begun.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, begun.elapsed());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not stop");
    }
}

fn send(stream: &mut TcpStream, head: &str) {
    stream.write_all(format!("{head}\r\nHost: hs1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n").as_bytes()).unwrap();
}

/// Reads one answer with a `Content-Length`.
fn answer(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the connection ended after {head:?}");
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// Whether the other side has closed.
fn closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 64]), Ok(0) | Err(_))
}

#[test]
fn a_stop_waits_for_nobody_who_is_idle() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Process::start(folder.path(), &[]);
    let _silent = server.connect();
    let mut idle = server.connect();
    send(&mut idle, "GET /_matrix/client/versions HTTP/1.1");
    assert!(answer(&mut idle).starts_with("HTTP/1.1 200"));
    let mut half = server.connect();
    half.write_all(b"GET /_matrix/client/versions HTTP/1.1\r\nHost:").unwrap();
    let mut created = server.connect();
    send(&mut created, "POST /_matrix/media/v1/create HTTP/1.1\r\nContent-Length: 0");
    let text = answer(&mut created);
    let id = text.split("mxc://hs1/").nth(1).unwrap_or_else(|| panic!("{text}")).split('"').next().unwrap().to_owned();
    let mut poll = server.connect();
    send(&mut poll, &format!("GET /_matrix/client/v1/media/download/hs1/{id}?timeout_ms=60000 HTTP/1.1"));
    // The poll is under way once the server counts two: it and the question itself.
    let begun = Instant::now();
    loop {
        let mut asking = server.connect();
        send(&mut asking, "GET /metrics HTTP/1.1\r\nConnection: close");
        if answer(&mut asking).contains("parta_http_requests_under_way 2") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the poll never began");
    }
    let (status, took) = server.terminate();
    assert!(status.success(), "{status}");
    // Two seconds are promised on an idle machine; whoever waited for one of them would take ten.
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!(answer(&mut poll).contains("M_NOT_YET_UPLOADED"), "a poll is answered, not cut off");
    assert!(closed(&mut idle));
}

#[test]
fn a_second_server_keeps_away_from_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Process::start(folder.path(), &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_parta-server"))
        .args(["--config".as_ref(), folder.path().join("parta.toml").as_os_str(), "serve".as_ref()])
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("A server is running"), "{second:?}");
}

#[test]
fn connections_have_limits() {
    let folder = tempfile::tempdir().unwrap();
    let limits = [("PARTA__LIMITS__HEADER_SECONDS", "1"), ("PARTA__LIMITS__CONNECTIONS_PER_ADDRESS", "3")];
    let server = Process::start(folder.path(), &limits);
    // Who says nothing, or never ends the head, is cut off.
    let (mut silent, mut slow) = (server.connect(), server.connect());
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    let mut third = server.connect();
    send(&mut third, "GET /health/live HTTP/1.1");
    assert!(answer(&mut third).starts_with("HTTP/1.1 200"));
    let mut fourth = server.connect();
    assert!(closed(&mut fourth), "a fourth connection of one address is refused");
    assert!(closed(&mut silent));
    // hyper says 408 or nothing; either way it ends.
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    let begun = Instant::now();
    loop {
        let mut again = server.connect();
        let mut first = [0; 12];
        let asked = again.write_all(b"GET /health/live HTTP/1.1\r\nHost: hs1\r\n\r\n");
        if asked.is_ok() && again.read_exact(&mut first).is_ok() && &first == b"HTTP/1.1 200" {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "places that became free are given again");
    }
}

#[test]
fn a_proxy_that_comes_by_ipv4_to_an_address_of_ipv6_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("PARTA__SERVER__LISTEN", "[::]:0"),
        ("PARTA__SERVER__TRUSTED_PROXIES", "[\"127.0.0.1\"]"),
        ("PARTA__LIMITS__CONNECTIONS_PER_ADDRESS", "1"),
    ];
    let mut server = Process::start(folder.path(), &environment);
    server.address.set_ip(Ipv4Addr::LOCALHOST.into());
    let (_first, mut second) = (server.connect(), server.connect());
    send(&mut second, "GET /health/live HTTP/1.1");
    assert!(answer(&mut second).starts_with("HTTP/1.1 200"), "trusted proxies have no limit of their own");
}
