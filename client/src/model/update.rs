//! What the Matrix side tells the view. Everything here may cross threads.

use eyeball_im::VectorDiff;

use crate::model::{
    avatars, composer,
    discovery::Found,
    item::Item,
    manage, members, presence, profile,
    rooms::{RoomSummary, SpaceSummary},
    spaces::{self, Entry},
};

/// The account signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `@anna:academy`
    pub user_id: String,
    /// Display name, or the local part of the id
    pub name: String,
    /// Address of the server
    pub server: String,
}

/// Whether the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// The first answer is still awaited
    Connecting,
    /// It answers
    Online,
    /// It does not; trying goes on
    Away,
}

/// Why something did not work, as far as a person can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No answer
    ServerAway,
    /// Something else answers there
    NotAServer,
    /// Nobody this computer trusts stands for the server's certificate
    NotTrusted,
    /// The certificate is that of another server
    OtherCertificate,
    /// The certificate is not valid yet or any more, or the computer's clock is wrong
    CertificateDate,
    /// Name or password is wrong
    WrongPassword,
    /// Somebody has this name
    NameTaken,
    /// The name has letters a name may not have
    NameInvalid,
    /// The server wants a better password
    PasswordWeak,
    /// The registration token is wrong or used up
    TokenWrong,
    /// A registration token is needed
    TokenNeeded,
    /// No registration here
    RegistrationClosed,
    /// The account was deactivated or locked
    AccountClosed,
    /// The server no longer knows this session
    SessionEnded,
    /// Rate limited
    TooMany,
    /// Not allowed
    Forbidden,
    /// No such room, person or event
    NotFound,
    /// The message that an answer quotes is not within reach
    QuoteGone,
    /// The address has letters a room's address may not have
    AddressInvalid,
    /// The game bot does not come
    NoGames,
    /// The file is a program, and those are not started from here
    Program,
    /// The system has nothing to open it with
    CannotOpen,
    /// The file chosen for sending cannot be read
    CannotRead,
    /// The file cannot be written where the person said
    CannotSave,
    /// The file is too large
    TooLarge,
    /// The local store cannot be opened
    Store,
    /// Anything else
    Other,
}

impl Failure {
    /// Whether it is about the server's certificate.
    pub fn is_of_certificate(self) -> bool {
        matches!(self, Self::NotTrusted | Self::OtherCertificate | Self::CertificateDate)
    }
}

/// How far the loading of earlier messages is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// It goes on
    Loading,
    /// It ended, and there is more to load
    More,
    /// It ended, and there is nothing earlier
    Start,
    /// It did not work
    Failed(Failure),
}

/// Pixels of a decoded picture, eight bits each of red, green, blue and alpha, not premultiplied.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Columns
    pub width: u32,
    /// Rows
    pub height: u32,
    /// `width * height * 4` bytes
    pub rgba: Vec<u8>,
}

impl std::fmt::Debug for Pixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixels({}×{})", self.width, self.height)
    }
}

/// A person found in the user directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// User id
    pub id: String,
    /// Display name
    pub name: String,
    /// `mxc://…` of the picture, empty without one
    pub avatar: String,
}

/// A room of the public directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicRoom {
    /// Room id
    pub id: String,
    /// Main address, may be empty
    pub address: String,
    /// Name, or the address where it has none
    pub name: String,
    /// Topic, may be empty
    pub topic: String,
    /// People in it
    pub members: u64,
    /// `mxc://…` of the picture, empty without one
    pub avatar: String,
    /// How the account stands to it
    pub entry: Entry,
}

/// A member of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// User id
    pub id: String,
    /// Display name
    pub name: String,
    /// Power level, with creators of new room versions as 100
    pub level: i64,
    /// Invited and not there yet
    pub invited: bool,
    /// `mxc://…` of the picture, empty without one
    pub avatar: String,
}

/// What the header and the info panel say of a room beyond the list of rooms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomDetails {
    /// Topic, may be empty
    pub topic: String,
    /// Main address, may be empty
    pub address: String,
    /// Anyone may join
    pub public: bool,
    /// Messages are encrypted
    pub encrypted: bool,
    /// People in it
    pub members: u64,
    /// The account may invite
    pub can_invite: bool,
    /// The account may write
    pub can_write: bool,
    /// The account may remove messages of others
    pub can_remove: bool,
    /// The account may notify all
    pub can_notify_all: bool,
    /// The account may pin messages
    pub can_pin: bool,
}

/// Messages from the Matrix side, in the order they happened.
#[derive(Debug)]
pub enum Update {
    /// Servers of the building's network, for who is not signed in
    Servers(Vec<Found>),
    /// Nobody is signed in; with the reason where there is one
    SignedOut(Option<Failure>),
    /// Sign-in or registration did not work
    SignInFailed(Failure),
    /// Somebody is signed in: from the local store or freshly
    SignedIn(Account),
    /// Whether the server answers
    Connection(Connection),
    /// Rooms that are new or changed
    Rooms(Vec<RoomSummary>),
    /// A room is gone from the list
    RoomGone(String),
    /// All spaces
    Spaces(Vec<SpaceSummary>),
    /// Every room known to the local store has been told
    RoomsLoaded,
    /// A room's timeline changed
    Timeline {
        /// Room id
        room: String,
        /// In order
        diffs: Vec<VectorDiff<Item>>,
    },
    /// Loading of earlier messages began or ended
    Paging {
        /// Room id
        room: String,
        /// How far it is
        paging: Paging,
    },
    /// Who is typing in a room, by name, the account signed in left out
    Typing {
        /// Room id
        room: String,
        /// Names
        names: Vec<String>,
    },
    /// Header and info panel
    Details {
        /// Room id
        room: String,
        /// The details
        details: RoomDetails,
    },
    /// Members of a room
    Members {
        /// Room id
        room: String,
        /// In the order to show
        members: Vec<Member>,
    },
    /// A thumbnail was loaded and decoded, or could not be
    Thumbnail {
        /// `Media::source`
        source: String,
        /// The picture
        pixels: Option<Pixels>,
    },
    /// Of files on the sheet
    Attach(super::attach::News),
    /// Of files of messages
    Media(super::media::News),
    /// Of the picture in the viewer
    Viewer(super::viewer::News),
    /// Answer of the user directory
    People {
        /// What was asked
        term: String,
        /// Who was found
        found: Vec<Person>,
    },
    /// Answer of the public directory
    PublicRooms {
        /// What was asked
        term: String,
        /// What was found
        found: Vec<PublicRoom>,
    },
    /// A room asked for by this person is there: show it
    Entered(String),
    /// An invitation asked for by this person went out
    Invited,
    /// A file was handed to the program the system has for it
    Opened,
    /// The picture of a person or room was loaded and decoded, or could not be
    Avatar(avatars::News),
    /// Who came and went
    Presence(presence::News),
    /// About the card of a person
    Profile(profile::News),
    /// A wish from a dialog did not work
    DialogFailed(Failure),
    /// Something else this person asked for did not work
    Failed(Failure),
    /// A game bot told what only this person may see
    Hand(super::game::Hand),
    /// Something of the settings
    Settings(super::settings::News),
    /// A message that the push rules tell of
    Notify(super::notify::Came),
    /// What a link leads to
    Desktop(super::desktop::News),
    /// Of the settings of a room
    Manage(manage::News),
    /// Of those in a room
    Crowd(members::News),
    /// Of what is in a space
    SpaceNews(spaces::News),
    /// Of drafts
    Composer(composer::News),
    /// About one message
    Menu(super::menu::News),
    /// About threads
    Threads(super::threads::News),
    /// About pinned messages
    Pins(super::pins::News),
    /// Sending a message on
    Forward(super::forward::News),
    /// Bytes of sounds
    Voice(super::voice::News),
    /// From the thread of sounds
    Sound(super::voice::Heard),
    /// About the recovery key
    Crypto(super::crypto::News),
    /// Verification of devices and people
    Verify(super::verify::News),
    /// About the account's devices
    Devices(super::devices::News),
    /// About the past of a room
    Jump(super::jump::News),
    /// Of the search of messages
    Search(super::search::News),
    /// Feedback for the administrators
    Feedback(super::feedback::News),
    /// About the accounts of this computer
    Accounts(super::accounts::News),
}
