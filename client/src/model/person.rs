//! How a person or room looks without a picture: initials and a tint.

/// How many tints the theme has.
pub const TINTS: u32 = 8;

/// A number that tells ids apart, though not for certain (FNV-1a: the same in every run and on every computer).
pub fn mark(id: &str) -> u32 {
    id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A stable tint for an id, `0..TINTS`.
pub fn tint(id: &str) -> i32 {
    let hash = mark(id);
    i32::try_from((hash ^ (hash >> 15)) % TINTS).expect("a remainder of eight fits")
}

/// Up to three letters for a name: the first letters of its first two words; the number of a class is told whole.
pub fn initials(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let letters = words.take(2).flat_map(|word| {
        let digits = word.chars().take_while(char::is_ascii_digit).count();
        word.chars().take(if digits <= 2 { digits + 1 } else { 1 })
    });
    let letters: String = letters.take(3).flat_map(char::to_uppercase).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

/// The readable part of `@anna:academy`.
pub fn localpart(user_id: &str) -> &str {
    user_id.strip_prefix('@').unwrap_or(user_id).split(':').next().unwrap_or(user_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_come_from_the_first_two_words() {
        assert_eq!(initials("Анна Петрова"), "АП");
        assert_eq!(initials("7 «Б» класс"), "7Б");
        assert_eq!(initials("11 «а»"), "11А");
        assert_eq!(initials("10б класс"), "10Б");
        assert_eq!(initials("Кабинет 214"), "К2");
        assert_eq!(initials("#общая:academy"), "ОA");
        assert_eq!(initials("…"), "?");
    }

    #[test]
    fn tints_are_stable_and_in_range() {
        assert_eq!(tint("@anna:academy"), tint("@anna:academy"));
        assert!((0..500).map(|n| tint(&format!("@u{n}:academy"))).all(|tint| (0..8).contains(&tint)));
    }

    #[test]
    fn localparts() {
        assert_eq!(localpart("@anna:academy"), "anna");
        assert_eq!(localpart("anna"), "anna");
    }
}
