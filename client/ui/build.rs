//! Compiles the interface with its translations and icons.

use std::{collections::HashMap, path::PathBuf};

use slint_build::{CompilerConfiguration, DefaultTranslationContext};

fn main() {
    let libraries = HashMap::from([("lucide".to_owned(), PathBuf::from(lucide_slint::lib()))]);
    let configuration = CompilerConfiguration::new()
        .with_style("fluent".to_owned())
        .with_library_paths(libraries)
        // The same words mean the same everywhere, so a word is translated once.
        .with_default_translation_context(DefaultTranslationContext::None)
        .with_bundled_translations("../lang")
        // Element names for tests on the accessible tree; a few kilobytes.
        .with_debug_info(true);
    slint_build::compile_with_config("main.slint", configuration).expect("the interface compiles");
    println!("cargo:rerun-if-changed=../lang");
}
