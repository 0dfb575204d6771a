//! What the Matrix side tells of keys, devices and verification.

use eyeball_im::VectorDiff;
use parta_client::model::{
    crypto,
    devices::{self, Device, Standing},
    item::{Body, Item, Message, Missing, Shield},
    update::Update,
    verify::{Changed, Code, End, News, Partner, Stage},
};

use crate::scene::{CLASS, MORNING, Scene};

impl Scene {
    /// The devices of the account.
    pub(crate) fn devices(&self) -> Update {
        let device = |id: &str, name: String, hours: i64, standing| Device {
            id: id.into(),
            name,
            seen_ms: Some(MORNING - hours * 3_600_000),
            here: hours == 0,
            standing,
        };
        Update::Devices(devices::News::Known(vec![
            device("HERE", self.say("Parta, кабинет 214", "Parta, room 214"), 0, Standing::Confirmed),
            device("PHONE", self.say("Телефон Анны", "Anna's phone"), 3, Standing::Unconfirmed),
            device("OLD", self.say("Parta дома", "Parta at home"), 90, Standing::NoKeys),
        ]))
    }

    /// Keys that are not saved, a person whose keys changed, and messages that cannot be read.
    pub(crate) fn doubts(&self) -> Vec<Update> {
        let oleg = self.say("Олег Ким", "Oleg Kim");
        let message = |key: &str, body, shield| {
            let words = Message::words(key, "@oleg:academy", &oleg, "");
            let message = Message { at_ms: MORNING, body, shield, ..words };
            VectorDiff::PushBack { value: Item::from(message) }
        };
        let text = |text: String| Body::Text { text, html: None, emote: false, emoji: false };
        let mut diffs: Vec<_> = [
            Missing::Key,
            Missing::Joining,
            Missing::Changed,
            Missing::Sender,
            Missing::Backup,
            Missing::Withheld,
            Missing::Here,
        ]
        .into_iter()
        .enumerate()
        .map(|(at, missing)| message(&format!("$missing{at}"), Body::Unreadable(missing), Shield::None))
        .collect();
        diffs.extend([Shield::Plain, Shield::Device, Shield::Changed, Shield::Sender].into_iter().enumerate().map(
            |(at, shield)| message(&format!("$shield{at}"), text(self.say("Понял, спасибо", "Got it, thanks")), shield),
        ));
        let changed = Changed { id: "@oleg:academy".into(), name: oleg.clone(), compared: true };
        vec![
            Update::Crypto(crypto::News::Stands(crypto::Standing::Missing, true)),
            Update::Timeline { room: CLASS.into(), diffs },
            Update::Verify(News::Changed { room: CLASS.into(), people: vec![changed] }),
        ]
    }

    /// Every step of a verification.
    pub(crate) fn verification(&self) -> Vec<(&'static str, Update)> {
        let own =
            || Partner {
                person: "@anna:academy".into(), name: self.say("Телефон Анны", "Anna's phone"), own: true
            };
        let oleg =
            || Partner { person: "@oleg:academy".into(), name: self.say("Олег Ким", "Oleg Kim"), own: false };
        let code = Code { side: 45, dark: (0..45 * 45).map(|at| at % 3 == 0 || at % 7 == 1).collect() };
        [
            ("verify-asked", own(), Stage::Asked),
            ("verify-asked-by-person", oleg(), Stage::Asked),
            ("verify-waiting", own(), Stage::Waiting),
            ("verify-waiting-for-person", oleg(), Stage::Waiting),
            ("verify-code", own(), Stage::Ready(Some(code))),
            ("verify-ready", own(), Stage::Ready(None)),
            ("verify-scanned", own(), Stage::Scanned),
            ("verify-emoji", own(), Stage::Emoji([0, 34, 62, 36, 38, 53, 63])),
            ("verify-emoji-with-person", oleg(), Stage::Emoji([34, 35, 61, 34, 45, 41, 39])),
            ("verify-numbers", oleg(), Stage::Numbers([1234, 5678, 9012])),
            ("verify-confirming", own(), Stage::Confirming),
            ("verify-done", own(), Stage::Done),
            ("verify-done-with-person", oleg(), Stage::Done),
            ("verify-declined", own(), Stage::Ended(End::Declined)),
            ("verify-late", own(), Stage::Ended(End::Late)),
            ("verify-mismatch", own(), Stage::Ended(End::Mismatch)),
            ("verify-nobody", own(), Stage::Ended(End::Nobody)),
            ("verify-nobody-of-person", oleg(), Stage::Ended(End::Nobody)),
        ]
        .map(|(name, partner, stage)| (name, Update::Verify(News::Stage(partner, stage))))
        .into()
    }
}
