//! Reading a chess move the way people write it, and writing one in Russian.
//!
//! Text is turned into wishes ("a knight, from the b file, to d2"); the legal move that fits a wish is the move. So
//! nothing that is not legal can come out, whatever went in.

use cozy_chess::{Board, File, Move, Piece, Rank, Square};

use crate::games::Illegal;

/// Longest text worth reading as a move, in characters.
const LONGEST: usize = 24;

/// What a text asks for; unset fields fit anything.
#[derive(Debug, Clone, Copy)]
struct Wish {
    piece: Option<Piece>,
    from_file: Option<File>,
    from_rank: Option<Rank>,
    to: Square,
    promotion: Option<Piece>,
}

enum Read {
    Castle { short: bool },
    Wishes(Vec<Wish>),
}

/// The legal move that `text` means.
pub(super) fn read(board: &Board, text: &str) -> Result<Move, Illegal> {
    let not_allowed = Illegal::NotAllowed { in_check: !board.checkers().is_empty() };
    let wishes = match parse(text).ok_or(Illegal::Unreadable)? {
        Read::Castle { short } => {
            return legal_moves(board).into_iter().find(|&mv| castles(board, mv) == Some(short)).ok_or(not_allowed);
        }
        Read::Wishes(wishes) => wishes,
    };
    let legal = legal_moves(board);
    for wish in wishes {
        let fitting: Vec<Move> = legal.iter().copied().filter(|&mv| fits(board, wish, mv)).collect();
        match fitting.as_slice() {
            [] => {}
            [mv] if mv.promotion == wish.promotion => return Ok(*mv),
            [first, rest @ ..] => {
                if rest.iter().all(|mv| mv.from == first.from && mv.to == first.to) {
                    return Err(Illegal::PromotionMissing);
                }
                let names = fitting.iter().map(|&mv| cozy_chess::util::display_san_move(board, mv).to_string());
                return Err(Illegal::Ambiguous(names.collect()));
            }
        }
    }
    Err(not_allowed)
}

/// Whether `text` is written as a move, legal or not.
pub(super) fn is_notation(text: &str) -> bool {
    parse(text).is_some()
}

/// `Nf3` → `Кf3`, `O-O` → `0-0`.
pub(super) fn russian(san: &str) -> String {
    let mut russian = String::with_capacity(san.len() + 4);
    for c in san.chars() {
        match c {
            'K' => russian.push_str("Кр"),
            'Q' => russian.push('Ф'),
            'R' => russian.push('Л'),
            'B' => russian.push('С'),
            'N' => russian.push('К'),
            'O' => russian.push('0'),
            c => russian.push(c),
        }
    }
    russian
}

fn legal_moves(board: &Board) -> Vec<Move> {
    let mut moves = Vec::new();
    board.generate_moves(|of_piece| {
        moves.extend(of_piece);
        false
    });
    moves
}

/// Whether `mv` castles, and if so to the short side. cozy-chess writes castling as the king taking its own rook.
fn castles(board: &Board, mv: Move) -> Option<bool> {
    board.colors(board.side_to_move()).has(mv.to).then_some((mv.from.file() as u8) < (mv.to.file() as u8))
}

fn fits(board: &Board, wish: Wish, mv: Move) -> bool {
    let to = match castles(board, mv) {
        None => mv.to,
        Some(true) => Square::new(File::G, mv.to.rank()),
        Some(false) => Square::new(File::C, mv.to.rank()),
    };
    to == wish.to
        && wish.piece.is_none_or(|piece| board.piece_on(mv.from) == Some(piece))
        && wish.from_file.is_none_or(|file| mv.from.file() == file)
        && wish.from_rank.is_none_or(|rank| mv.from.rank() == rank)
        && wish.promotion.is_none_or(|piece| mv.promotion == Some(piece))
}

fn parse(text: &str) -> Option<Read> {
    let text = text.trim();
    if text.chars().nth(LONGEST).is_some() {
        return None;
    }
    // A move number, as in "12. Nf3" or "12…Nf6".
    let unnumbered = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let text = if unnumbered.len() < text.len() && unnumbered.starts_with(['.', '…']) {
        unnumbered.trim_start_matches(['.', '…', ' ', '\u{a0}'])
    } else {
        text
    };
    // Marks that say nothing the position does not: check, mate, capture, praise.
    let text = text.trim_end_matches(['+', '#', '!', '?', '†', '‡', '×', ' ']);
    let chars: Vec<char> = text
        .chars()
        .filter(|c| {
            !c.is_whitespace() && !matches!(c, '-' | '–' | '—' | 'x' | 'X' | 'х' | 'Х' | '×' | ':' | '=' | '(' | ')')
        })
        .collect();
    if chars.iter().all(|c| matches!(c, 'O' | 'o' | '0' | 'О' | 'о')) {
        return match chars.len() {
            2 => Some(Read::Castle { short: true }),
            3 => Some(Read::Castle { short: false }),
            _ => None,
        };
    }
    let mut wishes = Vec::new();
    // "B1c3" is a bishop from the first rank; "B1C3" is written with the capitals locked.
    if chars.iter().any(|c| c.is_lowercase()) {
        wishes.extend(coordinates(&chars));
    } else {
        let lower: Vec<char> = chars.iter().flat_map(|c| c.to_lowercase()).collect();
        wishes.extend(coordinates(&lower));
    }
    wishes.extend(pawn(&chars));
    wishes.extend(figure(&chars));
    (!wishes.is_empty()).then_some(Read::Wishes(wishes))
}

/// `e2e4`, `e7e8q`.
fn coordinates(chars: &[char]) -> Option<Wish> {
    let (&[from_file, from_rank, to_file, to_rank], rest) = chars.split_first_chunk()?;
    // "e7e8Q" is usual too; any other capital is a piece's letter.
    Some(Wish {
        piece: None,
        from_file: Some(file(from_file)?),
        from_rank: Some(rank(from_rank)?),
        to: Square::new(file(to_file)?, rank(to_rank)?),
        promotion: promotion(rest)?,
    })
}

/// `e4`, `exd5`, `e8=Q`; without a file of origin the pawn goes straight on.
fn pawn(chars: &[char]) -> Option<Wish> {
    let (from, to_and_rest) = match chars {
        [from, to, rank_, ..] if file(*to).is_some() && rank(*rank_).is_some() => (file(*from)?, &chars[1..]),
        [to, ..] => (file(*to)?, chars),
        [] => return None,
    };
    let (&[to_file, to_rank], rest) = to_and_rest.split_first_chunk()?;
    Some(Wish {
        piece: Some(Piece::Pawn),
        from_file: Some(from),
        from_rank: None,
        to: Square::new(file(to_file)?, rank(to_rank)?),
        promotion: promotion(rest)?,
    })
}

/// `Nf3`, `Nbd2`, `R1e1`, `Ng1f3`, and the same with Russian letters.
fn figure(chars: &[char]) -> Option<Wish> {
    let (piece, rest) = match chars {
        ['К' | 'к', 'р' | 'Р' | 'p', rest @ ..] => (Piece::King, rest),
        [letter, rest @ ..] => {
            let piece = match letter {
                'K' | 'k' => Piece::King,
                'Q' | 'q' | 'Ф' | 'ф' => Piece::Queen,
                'R' | 'r' | 'Л' | 'л' => Piece::Rook,
                'B' | 'b' | 'С' | 'с' => Piece::Bishop,
                'N' | 'n' | 'К' | 'к' => Piece::Knight,
                'P' | 'П' | 'п' => Piece::Pawn,
                _ => return None,
            };
            (piece, rest)
        }
        [] => return None,
    };
    let (origin, promoted) = match piece {
        // Only a pawn's move may end in a letter.
        Piece::Pawn if rest.last().is_some_and(|c| rank(*c).is_none()) => {
            let (_, before) = rest.split_last()?;
            (before, &rest[before.len()..])
        }
        _ => (rest, &[][..]),
    };
    let (origin, &[to_file, to_rank]) = origin.split_last_chunk()?;
    let (from_file, from_rank) = match origin {
        [] => (None, None),
        [one] => match (file(*one), rank(*one)) {
            (None, None) => return None,
            found => found,
        },
        [from_file, from_rank] => (Some(file(*from_file)?), Some(rank(*from_rank)?)),
        _ => return None,
    };
    Some(Wish {
        piece: Some(piece),
        from_file,
        from_rank,
        to: Square::new(file(to_file)?, rank(to_rank)?),
        promotion: promotion(promoted)?,
    })
}

/// A file's letter; the Cyrillic letters that look like one count as one.
fn file(c: char) -> Option<File> {
    let c = match c {
        'а' => 'a',
        'с' => 'c',
        'е' => 'e',
        c => c,
    };
    File::try_from(c).ok()
}

fn rank(c: char) -> Option<Rank> {
    Rank::try_from(c).ok()
}

/// `None`: not a promotion; `Some(None)`: there is none.
fn promotion(rest: &[char]) -> Option<Option<Piece>> {
    match rest {
        [] => Some(None),
        ['Q' | 'q' | 'Ф' | 'ф'] => Some(Some(Piece::Queen)),
        ['R' | 'r' | 'Л' | 'л'] => Some(Some(Piece::Rook)),
        ['B' | 'b' | 'С' | 'с'] => Some(Some(Piece::Bishop)),
        ['N' | 'n' | 'К' | 'к'] => Some(Some(Piece::Knight)),
        _ => None,
    }
}
