//! Interruptions: restarts, lost answers, and the real process killed in the middle of games.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;

use crate::fake::{ANNA, Academy, IVAN, ROOM};

#[tokio::test]
async fn a_restart_in_the_middle_of_a_game() {
    let mut academy = Academy::open().await;
    academy.say(IVAN, "!шахматы белые").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!играю").await;
    academy.status("playing").await;
    for (ply, (who, text)) in
        [(IVAN, "e4"), (ANNA, "e5"), (IVAN, "Сc4"), (ANNA, "Кc6"), (IVAN, "Фh5"), (ANNA, "Кf6"), (IVAN, "Фxf7")]
            .into_iter()
            .enumerate()
    {
        academy.restart().await;
        academy.say(who, text).await;
        academy.ply(ply as u64 + 1).await;
    }
    academy.restart().await;
    // The ended game is still known: a rematch, asked for by reaction on its board.
    academy.status("finished").await;
    academy.react(ANNA, "🔁").await;
    let again = academy.status("waiting").await;
    assert_eq!(again["players"][0]["user_id"], ANNA);
}

#[tokio::test]
async fn lost_answers_double_nothing() {
    let academy = Academy::open().await;
    academy.fake.lose_answers.store(5, std::sync::atomic::Ordering::SeqCst);
    academy.say(IVAN, "!крестики").await;
    academy.say(ANNA, "!играю").await;
    academy.say(IVAN, "5").await;
    academy.ply(1).await;
    let sent = academy.fake.sent.lock().unwrap();
    let boards =
        sent.iter().filter(|sent| sent.content["msgtype"] == "m.text" && sent.content.get("m.relates_to").is_none());
    assert_eq!(boards.count(), 1);
    let mut revisions: Vec<_> =
        sent.iter().filter_map(|sent| sent.content.get("org.parta.game")?["revision"].as_u64()).collect();
    assert!(revisions.is_sorted());
    revisions.dedup();
    assert_eq!(revisions.last(), Some(&3));
    assert!(sent.iter().all(|sent| sent.room_id == ROOM));
}

/// The real binary.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(academy: &Academy) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_parta-games"))
            .arg("serve")
            .arg("--config")
            .arg(academy.folder.path().join("games.toml"))
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("parta-games is listening"))
            .expect("it listens");
        let bare: String = line.chars().filter(|c| !c.is_control()).collect();
        let port: String = bare.rsplit("127.0.0.1:").next().unwrap().chars().take_while(char::is_ascii_digit).collect();
        // Nobody else reads it, and a full pipe would stop the process.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pushes transactions as a homeserver does, each until it is acknowledged, while the process is killed again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_the_process_in_the_middle() {
    let mut academy = Academy::prepared().await;
    let mut process = Process::start(&academy);
    academy.address.clone_from(&process.address);
    academy.invite(ROOM).await;
    academy.fake.until("the greeting", |fake| fake.notices().first().cloned()).await;
    academy.say(IVAN, "!chess white").await;
    academy.status("waiting").await;
    academy.say(ANNA, "!join").await;
    academy.status("playing").await;
    let board = academy.fake.board();

    let shuffle = ["g1f3", "g8f6", "f3g1", "f6g8"];
    let opening = ["e2e4", "e7e5", "d2d4", "d7d5"];
    let moves: Vec<&str> = opening.into_iter().chain(shuffle.into_iter().cycle().take(13)).collect();
    for (index, text) in moves.iter().enumerate() {
        let who = if index % 2 == 0 { IVAN } else { ANNA };
        let content = json!({
            "ply": index + 1, "move": text,
            "m.relates_to": { "rel_type": "m.reference", "event_id": board },
        });
        let event = [academy.event(ROOM, who, "org.parta.game.move", content)];
        let txn = format!("kill{index}");
        // Each move is interrupted a little later than the one before: some before the commit, some after it.
        let interrupt =
            tokio::time::timeout(Duration::from_micros(300 * index as u64), academy.transaction(&txn, &event));
        let _ = interrupt.await;
        drop(process);
        process = Process::start(&academy);
        academy.address.clone_from(&process.address);
        assert_eq!(academy.transaction(&txn, &event).await.unwrap(), 200);
    }
    // Seventeen moves; the position stood for the third time, but not for the fifth.
    let block = academy.ply(moves.len() as u64).await;
    assert_eq!(block["moves"], json!(moves));
    assert_eq!(block["status"], "playing");
    assert_eq!(academy.fake.refusals(), Vec::<String>::new());
    let sent = academy.fake.sent.lock().unwrap().clone();
    let mut revisions: Vec<_> =
        sent.iter().filter_map(|sent| sent.content.get("org.parta.game")?["revision"].as_u64()).collect();
    let count = revisions.len();
    assert!(revisions.is_sorted());
    revisions.dedup();
    assert_eq!(revisions.len(), count, "a board was sent twice");
    assert!(academy.data().exists());
}

#[test]
fn a_registration_is_generated_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registration.yaml");
    let generate = || {
        Command::new(env!("CARGO_BIN_EXE_parta-games"))
            .args([
                "registration",
                "generate",
                "--url",
                "http://127.0.0.1:9100",
                "--server-name",
                "academy.example",
                "--output",
            ])
            .arg(&path)
            .output()
            .unwrap()
    };
    let output = generate();
    assert!(output.status.success(), "{output:?}");
    let yaml = std::fs::read_to_string(&path).unwrap();
    assert!(yaml.contains("sender_localpart: 'games'"), "{yaml}");
    let again = generate();
    assert!(!again.status.success());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), yaml);
}

#[test]
fn sigterm_stops_it_soon() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let academy = runtime.block_on(Academy::prepared());
    let mut process = Process::start(&academy);
    let asked = std::time::Instant::now();
    let pid = process.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = process.child.wait().unwrap();
    assert!(status.success(), "{status:?}");
    assert!(asked.elapsed() < Duration::from_secs(4));
}
