//! What a screen reader sees: the program's elements, asked over the accessibility bus (AT-SPI 2,
//! <https://gitlab.gnome.org/GNOME/at-spi2-core/-/tree/main/xml>). Where an element is, a person can press it.

use zbus::{
    blocking::{Connection, connection::Builder},
    zvariant::{DynamicType, OwnedObjectPath, OwnedValue},
};

const ACCESSIBLE: &str = "org.a11y.atspi.Accessible";
const COMPONENT: &str = "org.a11y.atspi.Component";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.a11y.Bus";
const BUS_PATH: &str = "/org/a11y/bus";
/// `ATSPI_COORD_TYPE_SCREEN`
const SCREEN: u32 = 0;

/// Whose object it is, and which.
type Reference = (String, OwnedObjectPath);

/// What an element is, as far as a person uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// To be pressed
    Button,
    /// To be written into
    Field,
    /// Anything else, by its number
    Other(u32),
}

impl Role {
    /// By its number in `AtspiRole`: check box, list item, push button, toggle button, radio button, check and radio items of
    /// a menu, menu item, page tab, link, switch; text, password text, entry.
    fn of(number: u32) -> Self {
        match number {
            7 | 8 | 32 | 35 | 37 | 43 | 44 | 45 | 62 | 88 | 130 => Self::Button,
            40 | 61 | 79 => Self::Field,
            other => Self::Other(other),
        }
    }
}

/// One element of a window.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    /// What it is
    pub(crate) role: Role,
    /// Its accessible name
    pub(crate) name: String,
    /// Left, top, width and height on the screen, in pixels
    pub(crate) place: (i32, i32, i32, i32),
}

impl Element {
    /// The middle of it.
    pub(crate) fn middle(&self) -> (i32, i32) {
        let (x, y, width, height) = self.place;
        (x + width / 2, y + height / 2)
    }
}

/// The accessibility bus of a session.
pub(crate) struct Tree {
    session: Connection,
    bus: Connection,
}

impl Tree {
    /// Goes to the bus, and says that there is a screen reader: programs tell nothing otherwise.
    pub(crate) fn open(session: &str) -> zbus::Result<Self> {
        let session = Builder::address(session)?.build()?;
        listen(&session, true)?;
        let address: String =
            session.call_method(Some(BUS), BUS_PATH, Some(BUS), "GetAddress", &())?.body().deserialize()?;
        Ok(Self { session, bus: Builder::address(address.as_str())?.build()? })
    }

    /// Says whether there is a screen reader.
    pub(crate) fn listen(&self, there: bool) {
        listen(&self.session, there).expect("the bus keeps answering");
    }

    /// Every element of every program, in the order in which they are read out.
    pub(crate) fn elements(&self) -> Vec<Element> {
        let mut found = Vec::new();
        let registry = "org.a11y.atspi.Registry".to_owned();
        if let Ok(root) = OwnedObjectPath::try_from("/org/a11y/atspi/accessible/root") {
            self.gather(&(registry, root), &mut found);
        }
        found
    }

    /// An element may go while its like are being counted: then it is left out.
    fn gather(&self, parent: &Reference, found: &mut Vec<Element>) {
        let Ok(children) = self.ask::<Vec<Reference>>(parent, ACCESSIBLE, "GetChildren", &()) else { return };
        for child in children {
            if let Ok(place) = self.ask(&child, COMPONENT, "GetExtents", &SCREEN)
                && let Ok(role) = self.ask(&child, ACCESSIBLE, "GetRole", &())
            {
                let role = Role::of(role);
                let name = self.ask::<OwnedValue>(&child, PROPERTIES, "Get", &(ACCESSIBLE, "Name"));
                let name = name.ok().and_then(|name| String::try_from(name).ok()).unwrap_or_default();
                found.push(Element { role, name, place });
            }
            self.gather(&child, found);
        }
    }

    fn ask<T>(
        &self,
        of: &Reference,
        interface: &str,
        method: &str,
        body: &(impl serde::Serialize + DynamicType),
    ) -> zbus::Result<T>
    where
        T: serde::de::DeserializeOwned + zbus::zvariant::Type,
    {
        let answer = self.bus.call_method(Some(of.0.as_str()), of.1.as_str(), Some(interface), method, body)?;
        answer.body().deserialize()
    }
}

fn listen(session: &Connection, there: bool) -> zbus::Result<()> {
    for property in ["IsEnabled", "ScreenReaderEnabled"] {
        let value = zbus::zvariant::Value::from(there);
        session.call_method(Some(BUS), BUS_PATH, Some(PROPERTIES), "Set", &("org.a11y.Status", property, value))?;
    }
    Ok(())
}
