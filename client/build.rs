//! Compiles the interface.
fn main() {
    slint_build::compile("ui/main.slint").expect("the interface compiles");
}
