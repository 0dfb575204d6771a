//! What the system is asked for besides a window: to show notifications and play their sound, to run this program once,
//! to start it with the system, and to give it links. Nothing in here knows of the window or of Matrix.

pub mod autostart;
pub mod instance;
pub mod popups;
pub mod scheme;
mod sound;
