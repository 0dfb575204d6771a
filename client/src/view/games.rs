//! Boards on screen: those in the conversation, the one beside it, and what is asked of the bot.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use slint::{ComponentHandle, Model, ModelRc, SharedString, VecModel};

use super::{convert, ui, window::View};
use crate::model::{
    app::games::Seen,
    game::{
        self, Board, Field, Hand, Notation, Opponent, Ply, Rules, Table, Wish,
        hangman::{Guess, Letter, Said},
    },
    person,
    update::Member,
};

/// What the boards on screen show. A board that did not change is not touched.
#[derive(Default)]
pub(super) struct Boards {
    shown: RefCell<HashMap<String, Shown>>,
    /// The game whose moves the list beside the conversation holds, and how many.
    listed: RefCell<(String, usize, bool)>,
    replayed: Rc<VecModel<ui::FieldEntry>>,
    /// What waits for the person to know that moves are not encrypted.
    held: RefCell<Option<Wish>>,
    opponents: Cell<usize>,
}

struct Shown {
    board: Board,
    table: Table,
    hand: Option<Hand>,
    key: String,
    entry: ui::BoardEntry,
    fields: Rc<VecModel<ui::FieldEntry>>,
    letters: Rc<VecModel<ui::LetterEntry>>,
}

impl Boards {
    /// Everything is made anew: names changed, or the room did.
    pub(super) fn forget(&self) {
        self.shown.borrow_mut().clear();
        *self.listed.borrow_mut() = Default::default();
    }
}

/// Puts other fields on a board. All at once: a single one that changes while the board's own binding is still to be
/// computed is not drawn (slint 1.18, `RepeaterTracker::row_changed`).
fn put<T: Clone + PartialEq + 'static>(model: &VecModel<T>, entries: Vec<T>) {
    if !model.iter().eq(entries.iter().cloned()) {
        model.set_vec(entries);
    }
}

fn listed<T: Clone + 'static>(entries: impl IntoIterator<Item = T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from_iter(entries))
}

fn letter_entry(letter: &Letter) -> ui::LetterEntry {
    ui::LetterEntry {
        text: letter.text.to_uppercase().into(),
        right: letter.said == Said::Right,
        wrong: letter.said == Said::Wrong,
    }
}

fn letter(piece: char) -> SharedString {
    if piece == ' ' { SharedString::default() } else { piece.to_ascii_lowercase().to_string().into() }
}

/// Fields in the order to draw.
fn fields(rules: &dyn Rules, fields: &[Field]) -> Vec<ui::FieldEntry> {
    let columns = rules.columns();
    let lowest = fields.len().saturating_sub(columns);
    fields
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let place = rules.place(field.index);
            let (column, row) = place.split_at(place.len().min(1));
            let edge =
                |shown: bool, name: &str| if shown && rules.coordinates() { name.into() } else { Default::default() };
            ui::FieldEntry {
                piece: letter(field.piece),
                // White pieces, and in connect four red ones, are capitals; crosses are the first player's in tic-tac-toe.
                white: field.piece.is_ascii_uppercase() || field.piece == 'x',
                dark: (field.index / columns + field.index % columns) % 2 == 1,
                chosen: field.chosen,
                target: field.target,
                marked: field.marked,
                danger: field.danger,
                forced: field.forced,
                index: number(field.index),
                column: edge(at >= lowest, column),
                row: edge(at % columns == 0, row),
                place: place.into(),
            }
        })
        .collect()
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn words(notation: &Notation) -> ui::MoveWords {
    ui::MoveWords {
        piece: notation.piece.map(letter).unwrap_or_default(),
        text: notation.text.as_str().into(),
        becomes: notation.becomes.map(letter).unwrap_or_default(),
        sign: notation.sign.into(),
    }
}

/// What a game says besides its fields; `name` turns a user id into a name.
fn game(board: &Board, table: &Table, guess: &Guess, own: &str, name: impl Fn(&str) -> String) -> ui::GameEntry {
    let player = |index: usize| -> String {
        board.players.get(index).and_then(|seat| seat.user_id.as_deref()).map_or_else(|| "…".to_owned(), &name)
    };
    let turn =
        |index: usize| board.turn.is_some() && board.players.get(index).map(|seat| &seat.seat) == board.turn.as_ref();
    let seat = board.seat_of(own);
    let winner = board.result.as_ref().and_then(|result| board.player(result.winner.as_ref()?));
    let passed = board.passed().filter(|_| board.status == game::Status::Playing);
    let stones = |at: usize| board.players.get(at).and_then(|seat| board.stones(&seat.seat)).map_or(-1, number);
    let by = board.last_move.as_ref().and_then(|last| last.user_id.as_deref());
    let waiting = board.status == game::Status::Waiting;
    let last = board.replay().last().map(|ply| words(&ply.words));
    ui::GameEntry {
        id: board.game_id.as_str().into(),
        kind: convert::game_kind(board.kind),
        status: convert::game_status(board.status),
        first: player(0).into(),
        second: player(1).into(),
        first_at_turn: turn(0),
        second_at_turn: turn(1),
        own_turn: table.my_move(board, own),
        own_seat: seat.is_some(),
        open: board.open,
        may_resign: board.may_resign(own),
        may_rematch: board.may_rematch(own),
        may_arrange: board.may_arrange(own),
        by: by.map(&name).unwrap_or_default().into(),
        answer: guess.word.iter().map(|letter| letter.text.as_str()).collect::<String>().into(),
        first_count: stones(0),
        second_count: stones(1),
        passed: passed.map(&name).unwrap_or_default().into(),
        mistakes: number(guess.mistakes),
        attempts: number(guess.most.saturating_sub(guess.mistakes)),
        check: board.kind.rules().is_some_and(|rules| rules.danger(board).is_some()),
        last: last.unwrap_or_else(|| ui::MoveWords {
            text: board.last_move.as_ref().map(|last| last.notation.as_str().into()).unwrap_or_default(),
            ..ui::MoveWords::default()
        }),
        winner: winner.map(&name).unwrap_or_default().into(),
        reason: board.result.as_ref().map(|result| result.reason.as_str().into()).unwrap_or_default(),
        may_join: board.may_join(own),
        may_cancel: waiting && board.creator == own,
        may_decline: waiting && board.invited.as_deref() == Some(own),
        draw_offered_to_me: seat.is_some() && board.draw_offer.is_some() && board.draw_offer.as_deref() != seat,
        draw_offered_by_me: seat.is_some() && board.draw_offer.as_deref() == seat,
        draw_claim: board.draw_claim.is_some(),
        waits: table.sent.is_some(),
        promoting: table.promotes(),
        white: seat == board.players.first().map(|first| first.seat.as_str()),
        refusal: table.refusal.as_str().into(),
    }
}

/// A board as it is put on screen; what was there before is put to use again.
fn look(
    seen: &Seen<'_>,
    table: Table,
    hand: Option<&Hand>,
    known: Option<&Shown>,
    own: &str,
    name: impl Fn(&str) -> String,
) -> Shown {
    let (board, key) = (seen.board, seen.key);
    let on_board = known.map(|known| Rc::clone(&known.fields)).unwrap_or_default();
    let alphabet = known.map(|known| Rc::clone(&known.letters)).unwrap_or_default();
    let rules = board.kind.rules();
    let guess = Guess::of(board);
    put(&on_board, rules.map(|rules| fields(rules, &table.fields(board, own))).unwrap_or_default());
    put(&alphabet, guess.alphabet.iter().map(letter_entry).collect());
    let aside = rules.map(|rules| fields(rules, &rules.aside(board, board.seat_of(own), hand))).unwrap_or_default();
    let said = |letter: &Letter| if letter.text.is_empty() { "_".to_owned() } else { letter.text.clone() };
    let entry = ui::BoardEntry {
        key: key.into(),
        game: game(board, &table, &guess, own, name),
        fields: ModelRc::from(Rc::clone(&on_board)),
        columns: rules.map_or(1, |rules| number(rules.columns())),
        rows: rules.map_or(1, |rules| number(rules.rows())),
        aside: listed(aside),
        afloat: listed(board.afloat(own).map(number)),
        word: listed(guess.word.iter().map(letter_entry)),
        spoken: guess.word.iter().map(said).collect::<Vec<_>>().join(" ").into(),
        letters: ModelRc::from(Rc::clone(&alphabet)),
    };
    Shown {
        board: board.clone(),
        table,
        hand: hand.cloned(),
        key: key.to_owned(),
        entry,
        fields: on_board,
        letters: alphabet,
    }
}

/// Moves in pairs, as they are written down.
fn pairs(game: &[Ply]) -> Vec<ui::MovePair> {
    game.chunks(2)
        .enumerate()
        .map(|(number_of_pair, pair)| ui::MovePair {
            number: number(number_of_pair + 1),
            first: words(&pair[0].words),
            second: pair.get(1).map(|ply| words(&ply.words)).unwrap_or_default(),
        })
        .collect()
}

/// What each side took, the most valuable first.
fn taken(game: &[Ply], white: bool) -> ModelRc<SharedString> {
    let mut taken: Vec<char> = game.iter().filter_map(|ply| ply.taken).collect();
    taken.retain(|piece| piece.is_ascii_uppercase() != white);
    taken.sort_by_key(|piece| "qrbnp".find(piece.to_ascii_lowercase()));
    ModelRc::new(VecModel::from(taken.into_iter().map(letter).collect::<Vec<_>>()))
}

impl View {
    /// Shows the boards of the open room.
    pub(super) fn show_game(&self) {
        let model = self.app.borrow();
        let global = self.window.global::<ui::Games>();
        global.set_starting(model.games.is_starting());
        global.set_refusal(model.games.refusal.as_str().into());
        let own = model.own_id();
        let name = |user: &str| {
            let member = model.members.iter().find(|member| member.id == user);
            member.map_or_else(|| person::localpart(user).to_owned(), |member| member.name.clone())
        };
        let boards = model.boards();
        let mut changed = false;
        {
            let mut shown = self.boards.shown.borrow_mut();
            let before = shown.len();
            shown.retain(|id, _| boards.iter().any(|seen| seen.board.game_id == *id));
            changed |= shown.len() != before;
            for seen in &boards {
                let Seen { board, key, .. } = *seen;
                let (table, hand) = (model.games.table(&board.game_id), model.games.hand(*seen));
                let known = shown.get(&board.game_id);
                if known.is_some_and(|known| {
                    known.board == *board && known.table == table && known.hand.as_ref() == hand && known.key == key
                }) {
                    continue;
                }
                changed = true;
                let now = look(seen, table, hand, known, own, name);
                shown.insert(board.game_id.clone(), now);
            }
        }
        let beside = model.games.shown.as_ref().and_then(|id| boards.iter().find(|seen| seen.board.game_id == *id));
        self.show_beside(beside.map(|seen| seen.board), model.games.replay, own);
        self.show_opponents(&model.members, own);
        if changed {
            global.set_version(global.get_version().wrapping_add(1));
        }
        drop(model);
        self.ask_for_hand();
    }

    /// Asks for what only this person may see of a game, where that tells nobody that they did not agree to tell.
    fn ask_for_hand(&self) {
        let mut model = self.app.borrow_mut();
        let agreed = |room: &String| self.own.choices.borrow().plain_games.contains(room);
        if model.details.encrypted && !model.open.as_ref().is_some_and(agreed) {
            return;
        }
        let wish = model.missing_hand();
        drop(model);
        if let Some(wish) = wish {
            self.send(wish.into());
        }
    }

    /// Shows the game beside the conversation: its list of moves, and the position gone back to.
    fn show_beside(&self, board: Option<&Board>, replay: Option<usize>, own: &str) {
        let global = self.window.global::<ui::Games>();
        global.set_shown(board.map(|board| board.game_id.as_str().into()).unwrap_or_default());
        let Some(board) = board else { return };
        let place = (board.game_id.clone(), board.moves.len(), board.is_over());
        if *self.boards.listed.borrow() != place {
            let game = board.replay();
            global.set_moves(ModelRc::new(VecModel::from(pairs(&game))));
            global.set_taken_by_first(taken(&game, true));
            global.set_taken_by_second(taken(&game, false));
            global.set_plies(number(game.len()));
            *self.boards.listed.borrow_mut() = place;
        }
        global.set_replay(replay.map_or(-1, number));
        if let (Some(ply), Some(rules)) = (replay, board.kind.rules()) {
            put(&self.boards.replayed, fields(rules, &game::replayed(board, own, ply)));
        }
    }

    /// Shows who can be invited to play.
    fn show_opponents(&self, members: &[Member], own: &str) {
        let opponents: Vec<ui::PersonEntry> = members
            .iter()
            .filter(|member| member.id != own && !member.invited && !member.id.starts_with("@games:"))
            .map(|member| ui::PersonEntry {
                id: member.id.as_str().into(),
                name: member.name.as_str().into(),
                initials: person::initials(&member.name).into(),
                tint: person::tint(&member.id),
                avatar: member.avatar.as_str().into(),
            })
            .collect();
        let global = self.window.global::<ui::Games>();
        if self.boards.opponents.replace(opponents.len()) != opponents.len()
            || !opponents.iter().zip(global.get_opponents().iter()).all(|(now, before)| *now == before)
        {
            global.set_opponents(ModelRc::new(VecModel::from(opponents)));
        }
    }

    /// Asks the bot, once the person knows that what it reads is not encrypted.
    fn ask_bot(&self, wish: Wish) {
        let encrypted = self.app.borrow().details.encrypted;
        if encrypted && !self.own.choices.borrow().plain_games.contains(wish.room()) {
            *self.boards.held.borrow_mut() = Some(wish);
            self.window.global::<ui::App>().set_overlay(ui::Overlay::PlainGames);
        } else {
            self.send(wish.into());
        }
    }

    /// The person agrees that moves are not encrypted, or would rather not play.
    fn answer_plain(&self, agreed: bool) {
        self.window.global::<ui::App>().set_overlay(ui::Overlay::None);
        let Some(wish) = self.boards.held.take() else { return };
        if agreed {
            self.choose_own(|own| {
                own.plain_games.insert(wish.room().to_owned());
            });
            self.send(wish.into());
        } else {
            let changed = self.app.borrow_mut().let_go(&wish);
            self.show(changed);
        }
    }

    fn asked(&self, (changed, wish): (crate::model::app::Changed, Option<Wish>)) {
        self.show(changed);
        if let Some(wish) = wish {
            self.ask_bot(wish);
        }
    }
}

/// Connects everything.
pub(super) fn wire(view: &Rc<View>) {
    let games = view.window.global::<ui::Games>();
    games.set_replayed(ModelRc::from(Rc::clone(&view.boards.replayed)));
    let weak = Rc::downgrade(view);
    games.on_look(move |game, _| {
        let entry = weak
            .upgrade()
            .and_then(|this| this.boards.shown.borrow().get(game.as_str()).map(|shown| shown.entry.clone()));
        entry.unwrap_or_default()
    });
    macro_rules! on {
        ($callback:ident, |$this:ident $(, $arg:ident)*| $body:expr) => {{
            let weak = Rc::downgrade(view);
            games.$callback(move |$($arg),*| match weak.upgrade() {
                Some($this) => $body,
                None => Default::default(),
            });
        }};
    }
    on!(on_show, |this, game| {
        this.window.global::<ui::Panel>().set_side(ui::Side::Game);
        let changed = this.app.borrow_mut().show_game(&game);
        this.show(changed);
    });
    on!(on_back, |this| {
        let changed = this.app.borrow_mut().leave_game();
        this.show(changed);
    });
    on!(on_start, |this, kind, opponent, side, strength| {
        let (kind, seats) = match kind {
            ui::GameKind::Draughts => ("draughts", ["random", "white", "black"]),
            ui::GameKind::TicTacToe => ("tictactoe", ["random", "x", "o"]),
            ui::GameKind::ConnectFour => ("connectfour", ["random", "red", "yellow"]),
            ui::GameKind::Reversi => ("reversi", ["random", "black", "white"]),
            ui::GameKind::Gomoku => ("gomoku", ["random", "black", "white"]),
            ui::GameKind::Battleship => ("battleship", ["random", "first", "second"]),
            ui::GameKind::Hangman => ("hangman", [""; 3]),
            _ => ("chess", ["random", "white", "black"]),
        };
        let seat = usize::try_from(side).ok().and_then(|side| seats.get(side)).copied().unwrap_or("random");
        let opponent = match strength {
            0 => Opponent::Computer("easy"),
            1 => Opponent::Computer("medium"),
            2 => Opponent::Computer("hard"),
            _ if opponent.is_empty() => Opponent::Anyone,
            _ => Opponent::Person(opponent.into()),
        };
        let wish = this.app.borrow_mut().start_game(kind, opponent, seat, this.language_code());
        this.show_game();
        if let Some(wish) = wish {
            this.ask_bot(wish);
        }
    });
    on!(on_press, |this, game, index| {
        let Ok(index) = usize::try_from(index) else { return };
        let done = this.app.borrow_mut().press_field(&game, index);
        this.asked(done);
    });
    on!(on_say, |this, game, words| {
        let done = this.app.borrow_mut().say_move(&game, &words);
        let said = done.1.is_some();
        this.asked(done);
        said
    });
    on!(on_lift, |this, game, index| {
        let Ok(index) = usize::try_from(index) else { return };
        let done = this.app.borrow_mut().lift_piece(&game, index);
        this.asked(done);
    });
    on!(on_promote, |this, game, piece| {
        let done = this.app.borrow_mut().promote(&game, &piece);
        this.asked(done);
    });
    on!(on_act, |this, game, action| {
        let wish = this.app.borrow_mut().act(&game, &action);
        this.show_game();
        if let Some(wish) = wish {
            this.ask_bot(wish);
        }
    });
    on!(on_go_to, |this, ply| {
        let changed = this.app.borrow_mut().replay(usize::try_from(ply).unwrap_or(0));
        this.show(changed);
    });
    on!(on_answer_plain, |this, agreed| this.answer_plain(agreed));
}
