//! Synapse's command line for administrators, as it comes from `PyPI`, does its work here.
//! <https://synadm.readthedocs.io/>
//!
//! `PARTA_TEST_SYNADM` names the folder with its Python package; `deploy/test.sh` puts it there.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::api::{PASSWORD, PATIENCE};
use crate::dev_mode::administrator;
use crate::harness::{Engine, Setup};

on_both_engines_alone![an_administrators_day];

const CONFIGURATION: &str = "synadm.yaml";

/// synadm, signed in.
struct Synadm {
    package: String,
    /// Its home: the configuration is in it, and the log that it writes comes there.
    home: tempfile::TempDir,
}

impl Synadm {
    /// Runs it and gives the last JSON document that it prints: of some commands it looks at the user or room first.
    async fn run(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", "from synadm.cli import root; root()", "--batch", "--output", "minified", "--config-file"]);
        command.arg(self.home.path().join(CONFIGURATION)).args(arguments);
        command.env("PYTHONPATH", &self.package).env("HOME", self.home.path()).stdin(Stdio::null());
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "synadm {arguments:?}: {said}{complained}");
        let mut documents = said.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
        documents.find(Value::is_object).unwrap_or_default()
    }
}

async fn an_administrators_day(engine: Engine) {
    let Some(package) = std::env::var("PARTA_TEST_SYNADM").ok().filter(|folder| !folder.is_empty()) else {
        return eprintln!("skipped: PARTA_TEST_SYNADM is not set");
    };
    let server = Setup::new(engine).start().await;
    let hs = server.homeserver();
    let head = administrator(&hs, "head").await;
    let home = tempfile::tempdir().unwrap();
    let settings = json!({
        "user": head.id, "token": head.token, "base_url": server.setup.base(), "admin_path": "/_synapse/admin",
        "matrix_path": "/_matrix", "timeout": 30, "server_discovery": "well-known", "homeserver": "hs1",
        "format": "minified", "ssl_verify": true,
    });
    std::fs::write(home.path().join(CONFIGURATION), settings.to_string()).unwrap();
    let synadm = Synadm { package, home };

    let version = synadm.run(&["version"]).await;
    assert!(version["server_version"].as_str().unwrap().starts_with("Parta "), "{version}");

    // Accounts: made, looked at, changed, given a password, closed.
    synadm.run(&["user", "modify", "pupil", "--password", PASSWORD, "--display-name", "Ученик"]).await;
    let pupil = hs.login("@pupil:hs1").await;
    assert_eq!(synadm.run(&["user", "details", "pupil"]).await["displayname"], "Ученик");
    let users = synadm.run(&["user", "list"]).await;
    let names: Vec<_> = users["users"].as_array().unwrap().iter().map(|user| &user["name"]).collect();
    assert_eq!(names, ["@head:hs1", "@pupil:hs1"]);
    synadm.run(&["user", "modify", "pupil", "--display-name", "Ученица"]).await;
    assert_eq!(synadm.run(&["user", "details", "pupil"]).await["displayname"], "Ученица");
    synadm.run(&["user", "password", "pupil", "--password", "another one 77"]).await;
    pupil.get(path!("v3/account/whoami")).await.fails(401, "M_UNKNOWN_TOKEN");
    let teacher = hs.user("teacher").await;
    assert_eq!(synadm.run(&["user", "media", &teacher.id]).await, json!({ "media": [], "total": 0 }));
    synadm.run(&["user", "deactivate", "pupil"]).await;
    assert_eq!(synadm.run(&["user", "details", "pupil"]).await["deactivated"], true);

    // Rooms: listed, looked at, deleted.
    let room = teacher.create_room(json!({ "name": "9 «А»" })).await;
    let rooms = synadm.run(&["room", "list"]).await;
    assert_eq!(rooms["rooms"][0]["room_id"], room.as_str(), "{rooms}");
    assert_eq!(synadm.run(&["room", "details", &room]).await["name"], "9 «А»");
    assert_eq!(synadm.run(&["room", "members", &room]).await["members"], json!([teacher.id]));
    assert!(synadm.run(&["room", "delete", &room]).await["delete_id"].is_string());
    let begun = Instant::now();
    while synadm.run(&["room", "list"]).await["total_rooms"] != 0 {
        assert!(begun.elapsed() < PATIENCE, "the room is still there");
    }

    // Registration tokens.
    let token = synadm.run(&["regtok", "new", "--token", "class-9a", "--uses-allowed", "3"]).await;
    assert_eq!((&token["token"], &token["uses_allowed"]), (&json!("class-9a"), &json!(3)));
    let tokens = synadm.run(&["regtok", "list"]).await;
    assert_eq!(tokens["registration_tokens"][0]["token"], "class-9a", "{tokens}");
}
