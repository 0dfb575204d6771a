//! A school to look at: rooms, people and a conversation, in the window's language.

use eyeball_im::VectorDiff;
use parta_client::model::{
    crypto, feedback, game,
    item::{Body, Item, ItemKind, Media, Message, Preview, Quote, Reaction, SendState},
    members,
    poll::{Answer, Poll},
    rooms::{RoomSummary, SpaceSummary},
    update::{Account, Connection, Member, Pixels, RoomDetails, Update},
};
use serde_json::json;

/// 23 November 2026, 9:00 UTC, a Monday.
pub(crate) const MORNING: i64 = 1_795_424_400_000;
const MINUTE: i64 = 60_000;

/// The room that is open.
pub(crate) const CLASS: &str = "!class";

/// What the pages are filled with.
pub(crate) struct Scene {
    pub(crate) russian: bool,
}

impl Scene {
    pub(crate) fn say(&self, russian: &str, english: &str) -> String {
        if self.russian { russian } else { english }.to_owned()
    }

    /// Everything that the Matrix side tells of a morning at school.
    pub(crate) fn updates(&self) -> Vec<Update> {
        let items = self.conversation();
        let details = RoomDetails {
            topic: self.say("Алгебра, домашние задания и новости", "Algebra, homework and news"),
            members: 8,
            can_write: true,
            can_invite: true,
            can_remove: true,
            can_pin: true,
            can_notify_all: true,
            ..RoomDetails::default()
        };
        let member = |id: &str, name: String, level: i64| Member {
            id: id.into(),
            name,
            level,
            invited: false,
            avatar: String::new(),
        };
        let members = vec![
            member("@maria:academy", self.say("Мария Соколова", "Maria Sokolova"), 100),
            member("@anna:academy", self.say("Анна Петрова", "Anna Petrova"), 0),
            member("@oleg:academy", self.say("Олег Ким", "Oleg Kim"), 0),
        ];
        vec![
            self.account(),
            Update::Rooms(self.rooms()),
            Update::Spaces(vec![SpaceSummary {
                id: "!school".into(),
                name: self.say("Школа", "School"),
                children: [CLASS.to_owned(), "!theatre".to_owned()].into(),
                may_change: true,
                ..SpaceSummary::default()
            }]),
            Update::RoomsLoaded,
            Update::Connection(Connection::Online),
            Update::Details { room: CLASS.into(), details },
            Update::Members { room: CLASS.into(), members },
            Update::Timeline { room: CLASS.into(), diffs: vec![VectorDiff::Reset { values: items.into() }] },
            Update::Thumbnail { source: "mxc://academy/board".into(), pixels: Some(drawing()) },
            self.devices(),
            self.crowd(),
            Update::Crypto(crypto::News::Stands(crypto::Standing::Ready, false)),
            Update::Feedback(feedback::News::Known(feedback::Known { reports: Vec::new(), unread: 0, enabled: true })),
        ]
    }

    /// Who is signed in.
    pub(crate) fn account(&self) -> Update {
        Update::SignedIn(Account {
            user_id: "@anna:academy".into(),
            name: self.say("Анна Петрова", "Anna Petrova"),
            server: "https://chat.academy.lan/".into(),
        })
    }

    /// Everyone of the class.
    fn crowd(&self) -> Update {
        let member = |id: &str, russian: &str, english: &str, level| members::Member {
            id: format!("@{id}:academy"),
            name: self.say(russian, english),
            level,
            own: id == "anna",
            ..members::Member::default()
        };
        let members = vec![
            member("maria", "Мария Соколова", "Maria Sokolova", 100),
            member("anna", "Анна Петрова", "Anna Petrova", 0),
            member("oleg", "Олег Ким", "Oleg Kim", 0),
            member("timur", "Тимур Ахметов", "Timur Akhmetov", 0),
            member("vera", "Вера Лебедева", "Vera Lebedeva", 0),
            member("ivan", "Иван Зайцев", "Ivan Zaitsev", 0),
            member("dasha", "Дарья Орлова", "Darya Orlova", 0),
            member("lev", "Лев Морозов", "Lev Morozov", 0),
        ];
        let room = CLASS.to_owned();
        Update::Crowd(members::News::List(members::List { room, members, own_level: 0, may_invite: true }))
    }

    fn rooms(&self) -> Vec<RoomSummary> {
        let room = |id: &str, name: String, who: String, text: String, minutes: i64, unread: u64| RoomSummary {
            id: id.into(),
            name,
            preview: Preview::Text(text),
            preview_who: who,
            at_ms: Some(MORNING + minutes * MINUTE),
            unread,
            ..RoomSummary::default()
        };
        let none = String::new;
        let mut rooms = vec![
            room(
                CLASS,
                self.say("7 «Б» класс", "Class 7B"),
                self.say("Мария Соколова", "Maria Sokolova"),
                self.say("До встречи на уроке", "See you in class"),
                50,
                0,
            ),
            room(
                "!theatre",
                self.say("Театр", "Theatre"),
                self.say("Олег Ким", "Oleg Kim"),
                self.say("Репетиция в четверг в актовом зале", "Rehearsal on Thursday in the hall"),
                42,
                3,
            ),
            room(
                "!chess",
                self.say("Шахматный кружок", "Chess club"),
                none(),
                self.say("Партия началась", "The game is on"),
                30,
                0,
            ),
            room(
                "!oleg",
                self.say("Олег Ким", "Oleg Kim"),
                none(),
                self.say("Спасибо, посмотрю", "Thanks, will look"),
                20,
                1,
            ),
            room(
                "!news",
                self.say("Новости школы", "School news"),
                none(),
                self.say("Каникулы с 28 декабря", "Holidays from 28 December"),
                -600,
                0,
            ),
        ];
        rooms[1].mentions = 1;
        rooms[3].direct = true;
        rooms[3].peer = "@oleg:academy".into();
        rooms
    }

    fn conversation(&self) -> Vec<Item> {
        let maria = || self.say("Мария Соколова", "Maria Sokolova");
        let oleg = || self.say("Олег Ким", "Oleg Kim");
        let mut minute = 0;
        let mut at = || {
            minute += 4;
            MORNING + minute * MINUTE
        };
        let homework = Message {
            at_ms: at(),
            ..Message::words(
                "$1",
                "@maria:academy",
                &maria(),
                &self.say(
                    "Доброе утро! Задание на четверг: параграф 14, задачи 3–7. Фото доски ниже.",
                    "Good morning! For Thursday: section 14, problems 3 to 7. A photo of the board is below.",
                ),
            )
        };
        let board = Message {
            at_ms: at(),
            body: Body::Image(Media {
                source: "mxc://academy/board".into(),
                name: self.say("доска.jpg", "board.jpg"),
                mime: "image/jpeg".into(),
                size: Some(184_000),
                width: Some(640),
                height: Some(360),
                ..Media::default()
            }),
            reactions: vec![Reaction { key: "👍".into(), who: vec![oleg(), self.say("Вы", "You")], mine: true }],
            ..Message::words("$2", "@maria:academy", &maria(), "")
        };
        let question = Message {
            at_ms: at(),
            reply: Some(Quote {
                key: "$1".into(),
                who: maria(),
                preview: Preview::Text(self.say("Доброе утро! Задание на четверг", "Good morning! For Thursday")),
            }),
            ..Message::words(
                "$3",
                "@oleg:academy",
                &oleg(),
                &self.say("А седьмую обязательно?", "Is the seventh a must?"),
            )
        };
        let voice = Message {
            at_ms: at(),
            body: Body::Audio(Media {
                source: "mxc://academy/voice".into(),
                name: "voice.ogg".into(),
                mime: "audio/ogg".into(),
                duration_ms: Some(14_000),
                voice: true,
                waveform: (0..100_u16).map(|at| (at * 37 % 23) * 44).collect(),
                ..Media::default()
            }),
            ..Message::words("$4", "@maria:academy", &maria(), "")
        };
        let poll = Message {
            at_ms: at(),
            body: Body::Poll(Box::new(self.poll())),
            ..Message::words("$5", "@maria:academy", &maria(), "")
        };
        let file = Message {
            at_ms: at(),
            own: true,
            state: SendState::Seen,
            editable: true,
            body: Body::File(Media {
                source: "mxc://academy/file".into(),
                name: self.say("Реферат о простых числах.docx", "Essay on prime numbers.docx"),
                mime: "application/msword".into(),
                size: Some(48_200),
                ..Media::default()
            }),
            ..Message::words("$6", "@anna:academy", "", "")
        };
        let done = Message {
            at_ms: at(),
            own: true,
            state: SendState::Seen,
            editable: true,
            ..Message::words(
                "$7",
                "@anna:academy",
                "",
                &self.say("Реферат готов, проверьте, пожалуйста", "The essay is done, please have a look"),
            )
        };
        let until = Message {
            at_ms: at(),
            ..Message::words("$8", "@maria:academy", &maria(), &self.say("До встречи на уроке", "See you in class"))
        };
        let day = Item { id: "day".into(), kind: ItemKind::Day(MORNING) };
        let messages = [homework, board, question, voice, poll, file, done, until].map(Item::from);
        std::iter::once(day).chain(messages).collect()
    }

    fn poll(&self) -> Poll {
        let answer = |id: &str, text: String, voters: &[&str]| Answer {
            id: id.into(),
            text,
            voters: voters.iter().map(|voter| (*voter).to_owned()).collect(),
            mine: voters.contains(&"@anna:academy"),
        };
        Poll {
            question: self.say("Когда дополнительное занятие?", "When shall we have the extra lesson?"),
            answers: vec![
                answer("0", self.say("Вторник, 15:00", "Tuesday, 3 pm"), &["@oleg:academy", "@anna:academy"]),
                answer("1", self.say("Пятница, 14:00", "Friday, 2 pm"), &["@ivan:academy"]),
            ],
            most: 1,
            open: true,
            ended: false,
        }
    }

    /// A game of chess after 1. e4 e5, with the account at the white pieces.
    pub(crate) fn chess(&self) -> Update {
        let content = json!({ "org.parta.game": {
            "version": 1, "game_id": "c", "kind": "chess", "revision": 3, "status": "playing", "creator": "@anna:academy",
            "players": [{"seat": "white", "user_id": "@anna:academy"}, {"seat": "black", "user_id": "@oleg:academy"}],
            "turn": "white", "ply": 2,
            "state": {"fen": "rnbqkbnr/pppp1ppp/8/4p3/4P3/8/PPPP1PPP/RNBQKBNR w KQkq e6 0 2", "check": false},
            "legal_moves": ["g1f3", "f1c4", "d2d4"], "moves": ["e2e4", "e7e5"],
        }});
        self.board("$game", &content)
    }

    fn board(&self, key: &str, content: &serde_json::Value) -> Update {
        let board = Box::new(game::parse(content).expect("a board"));
        let text = String::new();
        let game = Message {
            at_ms: MORNING + 60 * MINUTE,
            body: Body::Game { board, text },
            ..Message::words(key, "@games:academy", &self.say("Игры", "Games"), "")
        };
        Update::Timeline { room: CLASS.into(), diffs: vec![VectorDiff::PushBack { value: Item::from(game) }] }
    }

    /// A board of each other game, each in a state in which there is something to see.
    pub(crate) fn boards(&self) -> [(&'static str, Update); 4] {
        let draughts = ".b...b.bb...b.b..b.b.b........b...w.....w..w.w...w...w.ww.w.W...".to_owned();
        let four = ["...............r......y......ry.....yrry.y"].concat();
        let reversi =
            [&".".repeat(18), "b....", &".".repeat(3), "wbb...", "..bwb...", "..bwwb..", &".".repeat(16)].concat();
        let mut gomoku = vec![b'.'; 225];
        for (at, stone) in
            [(112, b'b'), (113, b'w'), (96, b'b'), (128, b'w'), (80, b'b'), (127, b'w'), (126, b'b'), (98, b'w')]
        {
            gomoku[at] = stone;
        }
        let gomoku = String::from_utf8(gomoku).expect("letters");
        let boards = [
            ("draughts", "white", "black", draughts, json!(["g3f4", "c3d4"]), "b4a5"),
            ("connectfour", "red", "yellow", four, json!(["1", "2", "3", "4", "5", "6", "7"]), "6"),
            ("reversi", "black", "white", reversi, json!(["c3", "e3", "c5"]), "d3"),
            ("gomoku", "black", "white", gomoku, json!(["a1"]), "i9"),
        ];
        boards.map(|(kind, first, second, cells, legal, last)| {
            let content = json!({ "org.parta.game": {
                "version": 1, "game_id": kind, "kind": kind, "revision": 3, "status": "playing", "creator": "@anna:academy",
                "players": [{"seat": first, "user_id": "@anna:academy"}, {"seat": second, "user_id": "@oleg:academy"}],
                "turn": first, "ply": 8, "state": {"cells": cells}, "legal_moves": legal, "moves": [],
                "last_move": {"ply": 8, "seat": second, "move": last, "notation": last},
            }});
            (kind, self.board(&format!("${kind}"), &content))
        })
    }

    /// The games that have words of their own beside the board, each with what else is told.
    pub(crate) fn wordy_boards(&self) -> [(&'static str, Vec<Update>); 2] {
        let own = [
            "ssss..o.s.",
            "....---...",
            "sss.-#-...",
            "....---s..",
            "ss..o..s..",
            "....h..s..",
            "....s.....",
            "ss......s.",
            "..........",
            "...s......",
        ];
        let theirs = [
            "..o.......",
            ".....----.",
            "..o..-##-o",
            ".....----.",
            ".x........",
            ".x...o....",
            "..........",
            "---....o..",
            "-#-.......",
            "---...o...",
        ];
        let (own, theirs) = (own.concat(), theirs.concat());
        let public = own.replace('s', ".").replace('h', "x");
        let sea = json!({ "org.parta.game": {
            "version": 1, "game_id": "battleship", "kind": "battleship", "revision": 9, "status": "playing",
            "creator": "@anna:academy", "turn": "first", "ply": 24, "moves": [], "legal_moves": ["a1", "b7", "c8"],
            "players": [{"seat": "first", "user_id": "@anna:academy"}, {"seat": "second", "user_id": "@oleg:academy"}],
            "state": {
                "seas": { "first": public, "second": theirs },
                "afloat": { "first": [4, 3, 3, 2, 2, 2, 1, 1, 1], "second": [4, 3, 3, 2, 2, 1, 1, 1] },
            },
            "last_move": {"ply": 24, "seat": "second", "move": "e5", "notation": "e5"},
        }});
        let hand = json!({
            "version": 1, "game_id": "battleship", "revision": 8, "seat": "first", "state": { "cells": own.replace('h', "x") },
        });
        let hand = game::Hand::parse("@games:academy", &hand).expect("ships");
        let word = json!({ "org.parta.game": {
            "version": 1, "game_id": "hangman", "kind": "hangman", "revision": 9, "status": "playing", "open": true,
            "creator": "@anna:academy", "turn": "guessers", "ply": 8, "players": [{"seat": "guessers"}],
            "legal_moves": self.say("б г ж з и й к л м п т у х ц ч ш щ ъ ы ь э ю я", "a b c g h j k m p q u v w x y z").split(' ').collect::<Vec<_>>(),
            "state": {
                "word": self.say("со_ве__ие", "_strono__"), "tried": self.say("о е р н с в д и а ф", "e i o t l n d r s f").split(' ').collect::<Vec<_>>(),
                "missed": self.say("р н д а ф", "e i l d f").split(' ').collect::<Vec<_>>(), "mistakes": 5, "most": 8,
                "alphabet": self.say("абвгдежзийклмнопрстуфхцчшщъыьэюя", "abcdefghijklmnopqrstuvwxyz"),
            },
            "last_move": {"ply": 8, "seat": "guessers", "user_id": "@oleg:academy", "move": self.say("ф", "f"), "notation": self.say("ф", "f")},
        }});
        [
            ("battleship", vec![self.board("$battleship", &sea), Update::Hand(hand)]),
            ("hangman", vec![self.board("$hangman", &word)]),
        ]
    }
}

/// A drawing in chalk.
fn drawing() -> Pixels {
    let (width, height) = (640_u32, 360_u32);
    let mut rgba = Vec::with_capacity((width * height * 4) as usize);
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (i64::from(x) - 200, i64::from(y) - 180);
            let circle = (dx * dx + dy * dy - 90 * 90).abs() < 300;
            let line = x > 340 && x < 560 && (i64::from(y) - 300 + i64::from(x - 340)).abs() < 2;
            let chalk = circle
                || line
                || (x > 340 && x < 343 && y > 80 && y < 300)
                || (y > 298 && y < 301 && x > 340 && x < 580);
            let colour = if chalk { [238, 240, 232, 255] } else { [38, 70, 58, 255] };
            rgba.extend(colour);
        }
    }
    Pixels { width, height, rgba }
}
