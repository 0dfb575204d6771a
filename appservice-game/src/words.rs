//! What the bot says, in Russian and English.
//!
//! Names of people are not declined, so every sentence puts them where the nominative stands.

use serde::{Deserialize, Serialize};

use crate::{
    games::{self, Ending, Illegal, Reason},
    session::Refusal,
};

/// A language the bot speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Russian.
    #[default]
    Ru,
    /// English.
    En,
}

impl Lang {
    /// The language called `name` in commands and events.
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "ru" | "rus" | "русский" | "russian" => Some(Self::Ru),
            "en" | "eng" | "english" | "английский" => Some(Self::En),
            _ => None,
        }
    }

    /// As in events: `ru` or `en`.
    pub fn code(self) -> &'static str {
        self.pick("ru", "en")
    }

    /// The one of two texts that is in this language.
    pub fn pick<T>(self, ru: T, en: T) -> T {
        match self {
            Self::Ru => ru,
            Self::En => en,
        }
    }
}

/// The answer to `!игра` and `!game`.
pub fn help(lang: Lang) -> String {
    let mut help = lang.pick("Игры в этой комнате\n", "Games in this room\n").to_owned();
    help.extend(games::ALL.iter().map(|rules| {
        let command = rules.commands(lang)[0];
        if rules.is_for_all() {
            return match lang {
                Lang::Ru => format!("• !{command} — {}, играет вся комната\n", rules.title(lang).to_lowercase()),
                Lang::En => format!("• !{command}: {}, for the whole room\n", rules.title(lang).to_lowercase()),
            };
        }
        let seats: Vec<_> = rules.seats().iter().map(|seat| seat.name(lang)).collect();
        match lang {
            Lang::Ru => format!(
                "• !{command} — {}; можно добавить соперника и сторону: !{command} @имя {}\n",
                rules.title(lang).to_lowercase(),
                seats.join("|")
            ),
            Lang::En => format!(
                "• !{command}: {}; you may add an opponent and a side: !{command} @name {}\n",
                rules.title(lang).to_lowercase(),
                seats.join("|")
            ),
        }
    }));
    help.push_str(lang.pick(
        "• против компьютера: !шахматы компьютер, !шашки компьютер; легко, средне или сложно\n\
         • !играю — принять приглашение (или реакция ✋), !отмена — отказаться или отозвать\n\
         • ход — просто сообщение: e2e4, Кf3, 5; или !ход e2e4\n\
         • !ничья (🤝) — предложить, принять или объявить; !отказ — отклонить\n\
         • !корабли — свои корабли в личном сообщении, !переставить — расставить их иначе\n\
         • !сдаюсь (🏳️), !реванш (🔁), !доска — показать доску снова\n\
         • !запись — партия в шахматы для других программ (PGN)\n\
         • !язык en — switch to English",
        "• against the computer: !chess computer, !draughts computer; easy, medium or hard\n\
         • !join: accept an invitation (or react ✋), !cancel: refuse or withdraw it\n\
         • a move is just a message: e2e4, Nf3, 5; or !move e2e4\n\
         • !draw (🤝): offer, accept or claim; !nodraw: decline\n\
         • !fleet: your own ships in a direct message, !shuffle: lay them out anew\n\
         • !resign (🏳️), !rematch (🔁), !board: show the board again\n\
         • !pgn: a game of chess for other programs\n\
         • !language ru — говорить по-русски",
    ));
    help
}

/// The first words in a room, in both languages because nobody has spoken yet.
pub fn greeting(people: usize) -> String {
    let mut greeting = "Здравствуйте! Я веду игры: !шахматы, !шашки, !крестики и другие; всё подскажет !игра.\n\
                        Hello! I run games here: !chess, !draughts, !tictactoe and more; !game tells all."
        .to_owned();
    if people < 2 {
        greeting.push_str("\nПозовите в комнату соперника, чтобы начать. Invite an opponent to this room to begin.");
    }
    greeting
}

/// Said once in a room whose messages the bot cannot read: native boards send their moves in plain and work all the same.
pub fn encrypted() -> &'static str {
    "Эта комната зашифрована, и я не вижу её сообщений. Играйте на доске: её ходы не шифруются, и я их вижу.\n\
     This room is encrypted and I cannot read its messages. Play on the board: its moves are not encrypted, and I see them."
}

/// After the room's language was chosen.
pub fn language_set(lang: Lang) -> &'static str {
    lang.pick("В этой комнате говорю по-русски.", "I speak English in this room.")
}

/// Said when a game is asked for that is going on nowhere in the room.
pub fn no_game(lang: Lang) -> &'static str {
    lang.pick(
        "В этой комнате нет такой игры. Какие есть и как начать: !игра.",
        "There is no such game in this room. Which there are and how to start: !game.",
    )
}

/// How a game ended, without names.
pub fn ending(ending: Ending, lang: Lang) -> &'static str {
    let (ru, en) = match ending.reason {
        Reason::Checkmate => ("Мат.", "Checkmate."),
        Reason::ThreeInARow => ("Три в ряд!", "Three in a row!"),
        Reason::FourInARow => ("Четыре в ряд!", "Four in a row!"),
        Reason::FiveInARow => ("Пять в ряд!", "Five in a row!"),
        Reason::MostDiscs => ("Ходов больше нет, считаем фишки.", "Nobody can move: the discs are counted."),
        Reason::NoMoves => ("Ходить больше нечем.", "No move is left."),
        Reason::FleetSunk => ("Флот потоплен!", "The fleet is sunk!"),
        Reason::WordGuessed => ("Слово отгадано!", "The word is guessed!"),
        Reason::Hanged => ("Попытки кончились.", "No mistake is left."),
        Reason::GivenUp => ("Игру закончили, слово не отгадано.", "The game was ended; the word is not guessed."),
        Reason::EqualDiscs => ("Ничья: фишек поровну.", "A draw: as many discs on each side."),
        Reason::FifteenMoves => {
            ("Ничья: 15 ходов одними дамками без взятий.", "A draw: 15 moves with kings alone, nothing taken.")
        }
        Reason::ThreeKings => (
            "Ничья: три дамки не выиграли у одной за 15 ходов.",
            "A draw: three kings did not win against one in 15 moves.",
        ),
        Reason::EndgameMoves => (
            "Ничья: соотношение сил слишком долго не менялось.",
            "A draw: the balance of force has not changed for too long.",
        ),
        Reason::Resignation => ("Соперник сдался.", "The opponent resigned."),
        Reason::LeftRoom => ("Соперник покинул комнату.", "The opponent left the room."),
        Reason::Stalemate => ("Пат — ничья.", "Stalemate: a draw."),
        Reason::InsufficientMaterial => {
            ("Ничья: фигур для мата не осталось.", "A draw: not enough pieces are left to mate.")
        }
        Reason::FivefoldRepetition => {
            ("Ничья: позиция повторилась пять раз.", "A draw: the position occurred five times.")
        }
        Reason::SeventyFiveMoves => {
            ("Ничья: 75 ходов без взятий и ходов пешками.", "A draw: 75 moves without a capture or a pawn move.")
        }
        Reason::BoardFull => ("Ничья: клетки кончились.", "A draw: the board is full."),
        Reason::Agreement => ("Ничья по соглашению.", "A draw by agreement."),
        Reason::ThreefoldRepetition => ("Ничья: позиция повторилась трижды.", "A draw by threefold repetition."),
        Reason::FiftyMoves => ("Ничья: 50 ходов без взятий и ходов пешками.", "A draw by the fifty-move rule."),
    };
    lang.pick(ru, en)
}

/// What can be claimed now.
pub fn draw_claim(reason: Reason, lang: Lang) -> &'static str {
    match reason {
        Reason::ThreefoldRepetition => lang.pick(
            "Позиция повторилась трижды: можно объявить ничью (🤝 или !ничья).",
            "The position has occurred three times: a draw can be claimed (🤝 or !draw).",
        ),
        _ => lang.pick(
            "50 ходов без взятий и ходов пешками: можно объявить ничью (🤝 или !ничья).",
            "50 moves without a capture or a pawn move: a draw can be claimed (🤝 or !draw).",
        ),
    }
}

impl Refusal {
    /// The code in `org.parta.game.error`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownGame => "unknown_game",
            Self::UnknownKind => "unknown_kind",
            Self::UnknownAction => "unknown_action",
            Self::Malformed => "malformed",
            Self::NotAPlayer => "not_a_player",
            Self::Move(Illegal::NotYourTurn) => "not_your_turn",
            Self::Move(Illegal::Unreadable) => "unreadable_move",
            Self::Move(Illegal::NotAllowed { .. } | Illegal::MustTake) => "illegal_move",
            Self::Move(Illegal::Ambiguous(_)) => "ambiguous_move",
            Self::Move(Illegal::PromotionMissing) => "promotion_missing",
            Self::Move(Illegal::CellTaken) => "cell_taken",
            Self::Move(Illegal::TriedBefore) => "tried_before",
            Self::Move(Illegal::UnderFire) => "under_fire",
            Self::Move(Illegal::NothingHidden) => "nothing_hidden",
            Self::NotYours => "not_yours",
            Self::NoOpponent => "no_opponent",
            Self::AlreadyRunning => "already_running",
            Self::MoveStands => "move_stands",
            Self::NoPgn => "no_pgn",
            Self::StaleMove => "stale_move",
            Self::NotWaiting => "not_waiting",
            Self::NotInvited => "not_invited",
            Self::NotPlaying | Self::Move(Illegal::Over) => "not_playing",
            Self::NotFinished => "not_finished",
            Self::NoDrawOffer => "no_draw_offer",
            Self::DrawOfferedAlready => "draw_offered_already",
            Self::NoDrawClaim => "no_draw_claim",
            Self::OpponentUnknown => "opponent_unknown",
            Self::ComputerPlaysOn => "computer_plays_on",
            Self::NoComputer => "no_computer",
            Self::TooManyGames => "too_many_games",
            Self::TooOften => "too_often",
        }
    }

    /// One sentence and the mend.
    pub fn words(&self, lang: Lang) -> String {
        let (ru, en) = match self {
            Self::UnknownGame => return no_game(lang).to_owned(),
            Self::UnknownKind => ("Такой игры я не знаю.", "I do not know this game."),
            Self::UnknownAction => ("Такого действия я не знаю.", "I do not know this action."),
            Self::Malformed => ("Не удалось прочесть запрос.", "The request could not be read."),
            Self::NotAPlayer => (
                "Вы не участвуете в этой игре. Начать свою: !игра.",
                "You are not playing in this game. To start your own: !game.",
            ),
            Self::Move(Illegal::NotYourTurn) => ("Сейчас ход соперника.", "It is your opponent's turn."),
            Self::Move(Illegal::Unreadable) => (
                "Не понимаю этот ход. Как его записать, сказано под доской.",
                "I cannot read this move. Below the board it says how to write one.",
            ),
            Self::Move(Illegal::NotAllowed { in_check: true }) => (
                "Так пойти нельзя: вам шах, нужно от него защититься.",
                "This is not possible: you are in check and have to answer it.",
            ),
            Self::Move(Illegal::NotAllowed { in_check: false }) => (
                "По правилам так пойти нельзя. Выберите другой ход.",
                "The rules do not allow this move. Choose another one.",
            ),
            Self::Move(Illegal::MustTake) => (
                "Нужно бить, и до конца. Выберите ход, которым берёте.",
                "You have to take, and to the end of it. Choose a move that does.",
            ),
            Self::Move(Illegal::Ambiguous(names)) => {
                let names = names.join(", ");
                return lang.pick(
                    format!("Так можно пойти по-разному; уточните: {names}."),
                    format!("There are several such moves; say which: {names}."),
                );
            }
            Self::Move(Illegal::PromotionMissing) => (
                "Допишите, кем становится пешка: e8=Ф, e8=Л, e8=С или e8=К.",
                "Say what the pawn becomes: e8=Q, e8=R, e8=B or e8=N.",
            ),
            Self::Move(Illegal::CellTaken) => {
                ("Здесь занято. Выберите свободное место.", "This place is taken. Choose a free one.")
            }
            Self::Move(Illegal::TriedBefore) => {
                ("Это уже было. Попробуйте другое.", "This has been tried already. Try something else.")
            }
            Self::Move(Illegal::UnderFire) => (
                "По вашим кораблям уже стреляли: переставить их нельзя.",
                "Your ships have been fired at: they cannot be laid anew.",
            ),
            Self::Move(Illegal::NothingHidden) => {
                ("В этой игре ничего не спрятано.", "Nothing is hidden in this game.")
            }
            Self::NotYours => {
                ("Закончить эту игру может тот, кто её начал.", "Only the person who started this game can end it.")
            }
            Self::NoOpponent => (
                "В этой игре все на одной стороне: ничьей в ней нет.",
                "In this game everybody is on one side: there is no draw.",
            ),
            Self::AlreadyRunning => (
                "Эта игра здесь уже идёт. Показать её: !доска.",
                "This game is being played here already. To see it: !board.",
            ),
            Self::MoveStands => (
                "Этот ход уже сделан: правка или удаление сообщения его не меняет.",
                "This move has been made: editing or deleting its message does not change it.",
            ),
            Self::NoPgn => (
                "Записать для других программ можно только шахматы, и когда сделан хоть один ход.",
                "Only chess can be written down for other programs, once somebody has moved.",
            ),
            Self::StaleMove => {
                ("Доска уже изменилась. Посмотрите на неё ещё раз.", "The board has changed. Please look at it again.")
            }
            Self::NotWaiting => ("Это приглашение уже не действует.", "This invitation is no longer open."),
            Self::NotInvited => (
                "Это приглашение не для вас. Пригласить самому: !игра.",
                "This invitation is not for you. To invite somebody: !game.",
            ),
            Self::NotPlaying | Self::Move(Illegal::Over) => (
                "Эта игра не идёт. Сыграть ещё раз: !реванш.",
                "This game is not being played. To play again: !rematch.",
            ),
            Self::NotFinished => ("Эта игра ещё не закончена.", "This game is not finished yet."),
            Self::NoDrawOffer => ("Ничью никто не предлагал.", "No draw has been offered."),
            Self::DrawOfferedAlready => (
                "Вы уже предлагали ничью; снова можно после вашего хода.",
                "You have offered a draw already; you may again after your next move.",
            ),
            Self::NoDrawClaim => (
                "Правила пока не дают объявить ничью; её можно предложить: !ничья.",
                "The rules do not allow a claim yet; you can offer a draw: !draw.",
            ),
            Self::OpponentUnknown => (
                "Такого соперника в комнате нет. Сначала пригласите его сюда.",
                "There is no such opponent in this room. Invite them here first.",
            ),
            Self::ComputerPlaysOn => (
                "Компьютер играет до конца. Ничья будет, когда её дают правила.",
                "The computer plays to the end. There is a draw where the rules give one.",
            ),
            Self::NoComputer => (
                "В эту игру я не играю. Сыграть со мной можно так: !шахматы компьютер или !шашки компьютер.",
                "I do not play this game. You can play against me like this: !chess computer or !draughts computer.",
            ),
            Self::TooManyGames => (
                "В комнате уже слишком много игр. Закончите одну из них.",
                "There are too many games in this room. Finish one of them first.",
            ),
            Self::TooOften => ("Слишком часто. Подождите минуту.", "Too often. Please wait a minute."),
        };
        lang.pick(ru, en).to_owned()
    }
}
