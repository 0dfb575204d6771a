//! Pictures of people and rooms: which are asked for, as large as they are shown.

use crate::model::update::Pixels;

/// A picture as it is shown: the same address in another size is another face.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Face {
    /// `mxc://…`
    pub mxc: String,
    /// Pixels on a side
    pub side: u32,
    /// With round corners rather than round
    pub square: bool,
}

/// A wish for a picture.
pub type Wish = Face;

/// A picture that came, or cannot.
#[derive(Debug)]
pub struct News {
    /// What was asked for
    pub face: Face,
    /// The picture, cut to its shape
    pub pixels: Option<Pixels>,
}
