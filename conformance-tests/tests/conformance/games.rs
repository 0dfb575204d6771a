//! A game to its end: two people through matrix-sdk, the real server and the real game service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use matrix_sdk::ruma::UserId;
use matrix_sdk::ruma::api::client::room::create_room::v3::Request as CreateRequest;
use matrix_sdk::ruma::events::AnyToDeviceEvent;
use matrix_sdk::ruma::events::room::member::MembershipState;
use matrix_sdk::ruma::events::room::message::RoomMessageEventContent;
use matrix_sdk::ruma::serde::Raw;
use matrix_sdk::{Client, Room, RoomState};
use serde_json::{Value, json};

use crate::api::Homeserver;
use crate::harness::{Engine, SERVER_NAME, Server, Setup, binary, free_port};
use crate::sdk::{join, person, until};

on_both_engines_alone![
    tic_tac_toe_to_its_end,
    chess_to_mate,
    every_other_game_through_a_restart,
    ships_that_one_player_sees,
    a_word_for_all
];

/// A server and its game service, which ends with this.
struct School {
    server: Server,
    games: Child,
    /// The game service's configuration.
    config: PathBuf,
}

impl Drop for School {
    fn drop(&mut self) {
        let _ = self.games.kill();
        let _ = self.games.wait();
    }
}

impl School {
    async fn start(engine: Engine) -> Self {
        let setup = Setup::new(engine);
        let folder = setup.data.path().to_owned();
        let registrations = folder.join("appservices");
        fs::create_dir_all(&registrations).unwrap();
        let registration = registrations.join("games.yaml");
        let program = binary("PARTA_GAMES_BIN", "parta-games");
        let port = free_port();
        let made = Command::new(&program)
            .args(["registration", "generate", "--server-name", SERVER_NAME, "--output"])
            .arg(&registration)
            .args(["--url", &format!("http://127.0.0.1:{port}")])
            .status()
            .unwrap();
        assert!(made.success());
        let config = folder.join("games.toml");
        let text = format!(
            "homeserver = \"{}\"\nserver_name = \"{SERVER_NAME}\"\nlisten = \"127.0.0.1:{port}\"\n\
             data_dir = \"games\"\nregistration = \"appservices/games.yaml\"\n",
            setup.base()
        );
        fs::write(&config, text).unwrap();
        let server = setup.start().await;
        let games = serve(&config);
        Self { server, games, config }
    }

    /// Kills the game service, which knows nothing of it beforehand, and starts it again.
    fn restart_games(&mut self) {
        self.games.kill().unwrap();
        self.games.wait().unwrap();
        self.games = serve(&self.config);
    }

    fn homeserver(&self) -> Homeserver {
        self.server.homeserver()
    }
}

/// Starts the game service.
fn serve(config: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(config.with_extension("log")).unwrap();
    Command::new(binary("PARTA_GAMES_BIN", "parta-games"))
        .args(["serve", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// Two people at a board.
struct Table {
    school: School,
    anna: Client,
    boris: Client,
    at_anna: Room,
    at_boris: Room,
}

impl Table {
    async fn set(engine: Engine) -> Self {
        let school = School::start(engine).await;
        let hs = school.homeserver();
        let (anna, boris) = (person(&hs, "anna").await, person(&hs, "boris").await);
        let bot = UserId::parse(format!("@games:{SERVER_NAME}")).unwrap();
        let mut request = CreateRequest::new();
        request.name = Some("Шахматный кружок".to_owned());
        request.invite = vec![bot.clone(), boris.user_id().unwrap().to_owned()];
        let at_anna = anna.create_room(request).await.expect("a room");
        let at_boris = join(&boris, at_anna.room_id()).await;
        let joined = async || {
            let member = at_anna.get_member_no_sync(&bot).await.ok().flatten()?;
            (*member.membership() == MembershipState::Join).then_some(())
        };
        until(&anna, "the bot", joined).await;
        Self { school, anna, boris, at_anna, at_boris }
    }

    /// The newest state of the room's one game, once it is as `wanted` says.
    async fn board(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let newest = async || {
            let page = self.at_anna.messages(matrix_sdk::room::MessagesOptions::backward()).await.ok()?;
            let blocks = page.chunk.iter().filter_map(|event| {
                let event: Value = event.raw().deserialize_as_unchecked().ok()?;
                Some(event["content"]["org.parta.game"].clone()).filter(Value::is_object)
            });
            blocks.filter(|block| wanted(block)).max_by_key(|block| block["revision"].as_u64())
        };
        until(&self.anna, what, newest).await
    }

    /// The newest state of the room's game of this kind, once so many moves are made.
    async fn board_of(&self, kind: &str, ply: u64) -> Value {
        self.board(kind, |block| block["kind"] == kind && block["ply"] == ply).await
    }

    /// Starts a game that Anna begins, and has Boris join it.
    async fn begin(&self, kind: &str, seat: &str) -> Value {
        let opponent = self.boris.user_id().unwrap();
        let start = json!({ "action": "start", "kind": kind, "opponent": opponent, "seat": seat });
        self.at_anna.send_raw("org.parta.game.action", start).await.expect("asked for a game");
        let waiting = self.board("the invitation", |block| block["kind"] == kind && block["status"] == "waiting").await;
        let join = json!({ "action": "join", "game_id": waiting["game_id"] });
        self.at_boris.send_raw("org.parta.game.action", join).await.expect("joined the game");
        self.board("the game", |block| block["kind"] == kind && block["status"] == "playing").await
    }

    /// Plays these moves in turn, Anna first, and gives the last board.
    async fn play(&self, game: &Value, moves: &[&str]) -> Value {
        let mut board = game.clone();
        for (index, text) in moves.iter().enumerate() {
            let legal = board["legal_moves"].as_array().cloned().unwrap_or_default();
            assert!(legal.contains(&json!(text)), "{text} is among {legal:?}");
            let ply = index as u64 + 1;
            let room = if index % 2 == 0 { &self.at_anna } else { &self.at_boris };
            let made = json!({ "game_id": game["game_id"], "ply": ply, "move": text });
            room.send_raw("org.parta.game.move", made).await.expect("moved");
            board = self.board(text, |block| block["game_id"] == game["game_id"] && block["ply"] == ply).await;
            assert_eq!(board["last_move"]["move"], *text);
        }
        board
    }
}

async fn tic_tac_toe_to_its_end(engine: Engine) {
    let table = Table::set(engine).await;
    let game = table.begin("tictactoe", "x").await;
    let end = table.play(&game, &["1", "4", "2", "5", "3"]).await;
    assert_eq!(end["status"], "finished");
    assert_eq!(end["result"], json!({ "winner": "x", "reason": "three_in_a_row" }));
    assert_eq!(end["state"]["line"], json!([0, 1, 2]));
    assert_eq!(end["players"][0]["user_id"], table.anna.user_id().unwrap().as_str());
}

async fn chess_to_mate(engine: Engine) {
    let table = Table::set(engine).await;
    let game = table.begin("chess", "white").await;
    // A cheat first: the answer is a refusal, and the board stands.
    let cheat = json!({ "game_id": game["game_id"], "ply": 1, "move": "e2e5" });
    table.at_anna.send_raw("org.parta.game.move", cheat).await.expect("the server takes any event");
    let end = table.play(&game, &["f2f3", "e7e5", "g2g4", "d8h4"]).await;
    assert_eq!(end["status"], "finished");
    assert_eq!(end["result"], json!({ "winner": "black", "reason": "checkmate" }));
    assert_eq!(end["moves"], json!(["f2f3", "e7e5", "g2g4", "d8h4"]));
}

/// The first half on native boards, then the game service is killed, and the second half by text.
async fn every_other_game_through_a_restart(engine: Engine) {
    let mut table = Table::set(engine).await;
    let draughts = "g3h4 f6g5 h4f6 g7e5 f2g3 e7f6 g1f2 f6g5 e3f4 g5e3g1 e1f2 g1c5 c3d4 e5c3e1h4 h2g3 h4e1 c1d2 e1a5 a3b4 \
                    c5a3c1 a1b2 c1a3";
    for (kind, seat, moves, result) in [
        ("connectfour", "red", "1 2 1 2 1 2 1", json!({ "winner": "red", "reason": "four_in_a_row" })),
        ("reversi", "black", "e6 f4 e3 f6 g5 d6 e7 f5 c5", json!({ "winner": "black", "reason": "most_discs" })),
        ("gomoku", "black", "h8 a1 i9 a2 j10 a3 k11 a4 l12", json!({ "winner": "black", "reason": "five_in_a_row" })),
        ("draughts", "white", draughts, json!({ "winner": "black", "reason": "no_moves" })),
    ] {
        let moves: Vec<&str> = moves.split_whitespace().collect();
        let game = table.begin(kind, seat).await;
        let half = moves.len() / 2;
        table.play(&game, &moves[..half]).await;
        table.school.restart_games();
        let mut end = game;
        for (index, text) in moves.iter().enumerate().skip(half) {
            let room = if index % 2 == 0 { &table.at_anna } else { &table.at_boris };
            room.send(RoomMessageEventContent::text_plain(*text)).await.expect("said");
            end = table.board_of(kind, index as u64 + 1).await;
        }
        assert_eq!((&end["status"], &end["result"]), (&json!("finished"), &result), "{kind}");
        assert_eq!(end["moves"], json!(moves), "{kind}");
    }
}

/// The hands that a person's device is told, in order.
fn hands(client: &Client) -> Arc<Mutex<Vec<Value>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = told.clone();
    client.add_event_handler(async move |event: Raw<AnyToDeviceEvent>| {
        let event: Value = event.deserialize_as_unchecked().unwrap();
        if event["type"] == "org.parta.game.hand" {
            keep.lock().unwrap().push(event["content"].clone());
        }
    });
    told
}

/// Anna plays on a native board and Boris by text: each is told their own ships in their own way, and nobody the other's.
async fn ships_that_one_player_sees(engine: Engine) {
    let mut table = Table::set(engine).await;
    let (annas, boriss) = (hands(&table.anna), hands(&table.boris));
    let start = json!({ "action": "start", "kind": "battleship", "seat": "first" });
    table.at_anna.send_raw("org.parta.game.action", start).await.expect("asked for a game");
    table.board("the invitation", |block| block["status"] == "waiting").await;
    table.at_boris.send(RoomMessageEventContent::text_plain("!играю")).await.expect("said");
    let game = table.board("the game", |block| block["status"] == "playing").await;
    let first = |told: &Arc<Mutex<Vec<Value>>>| told.lock().unwrap().first().cloned();
    let hand = until(&table.anna, "Anna's ships", async || first(&annas)).await;
    assert_eq!((&hand["seat"], hand["state"]["cells"].as_str().unwrap().matches('s').count()), (&json!("first"), 20));
    let hand = until(&table.boris, "Boris's ships", async || first(&boriss)).await;
    let cells = hand["state"]["cells"].as_str().unwrap().to_owned();
    let in_words = until(&table.boris, "a direct chat", async || {
        let invited = |room: &Room| room.room_id() != table.at_boris.room_id() && room.state() == RoomState::Invited;
        table.boris.rooms().into_iter().find(invited)
    })
    .await;
    assert!(in_words.is_direct().await.unwrap(), "a chat of two");
    let in_words = join(&table.boris, in_words.room_id()).await;
    let said = until(&table.boris, "Boris's ships in words", async || {
        let page = in_words.messages(matrix_sdk::room::MessagesOptions::backward()).await.ok()?;
        let mut events = page.chunk.iter().filter_map(|event| event.raw().deserialize_as_unchecked::<Value>().ok());
        events.find(|event| event["type"] == "m.room.message")
    })
    .await;
    assert_eq!(said["content"]["body"].as_str().unwrap().matches('□').count(), 20);
    assert!(table.anna.get_room(in_words.room_id()).is_none());
    let ships: Vec<usize> = cells.char_indices().filter(|(_, sign)| *sign == 's').map(|(cell, _)| cell).collect();
    for (shots, cell) in ships.iter().enumerate() {
        if shots == 10 {
            table.school.restart_games();
        }
        let cell = format!("{}{}", char::from(b'a' + (cell % 10) as u8), cell / 10 + 1);
        let fired = json!({ "game_id": game["game_id"], "ply": shots + 1, "move": cell });
        table.at_anna.send_raw("org.parta.game.move", fired).await.expect("fired");
        let board = table.board_of("battleship", shots as u64 + 1).await;
        let sea = board["state"]["seas"]["second"].as_str().unwrap();
        assert!(!sea.contains('s'), "{sea}");
    }
    let end = table.board("the end", |block| block["status"] == "finished").await;
    assert_eq!(end["result"], json!({ "winner": "first", "reason": "fleet_sunk" }));
}

/// The game service is killed within a word that two people guess, one on a board and one by text.
async fn a_word_for_all(engine: Engine) {
    let mut table = Table::set(engine).await;
    table.at_anna.send(RoomMessageEventContent::text_plain("!виселица")).await.expect("said");
    let mut board = table.board("the game", |block| block["kind"] == "hangman").await;
    let mut ply = 0;
    while board["status"] == "playing" {
        let letter = board["legal_moves"][0].as_str().unwrap().to_owned();
        if ply == 3 {
            table.school.restart_games();
        }
        if ply % 2 == 0 {
            let named = json!({ "game_id": board["game_id"], "ply": ply + 1, "move": letter });
            table.at_anna.send_raw("org.parta.game.move", named).await.expect("named");
        } else {
            table.at_boris.send(RoomMessageEventContent::text_plain(letter)).await.expect("said");
        }
        ply += 1;
        board = table.board_of("hangman", ply).await;
    }
    assert_eq!(board["status"], "finished");
    assert!(board["state"]["answer"].is_string(), "{board:#}");
}
