use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// What people agree to when they register.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// The documents, none by default.
    pub policies: Vec<Policy>,
}

/// A document that people agree to when they register, in one language or both. One such part for each document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its id: small letters, digits, `-` and `_`, for example `rules`.
    pub id: String,
    /// Its version. Change it whenever the text changes: it is kept with everybody who agrees.
    pub version: String,
    /// In Russian.
    #[serde(default)]
    pub ru: Option<PolicyText>,
    /// In English.
    #[serde(default)]
    pub en: Option<PolicyText>,
}

/// The document in this language, at `url` or in `file`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// Its name as people read it.
    pub name: String,
    /// Where it is.
    #[serde(default)]
    pub url: Option<url::Url>,
    /// Instead of `url` a text file in UTF-8, which this server shows at `/_parta/terms/{id}/{language}`.
    #[serde(default)]
    pub file: Option<PathBuf>,
}

impl Policy {
    /// Its texts by language, Russian first.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &PolicyText)> {
        [("ru", self.ru.as_ref()), ("en", self.en.as_ref())]
            .into_iter()
            .filter_map(|(language, text)| Some((language, text?)))
    }
}

impl Terms {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |problem: String| Err(ConfigError::Value { key: "terms.policies", problem });
        for (index, policy) in self.policies.iter().enumerate() {
            let id = &policy.id;
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
            if id.is_empty() || !id.chars().all(allowed) {
                return wrong(format!("\"{id}\" is no id; write small letters, digits, - and _"));
            }
            if self.policies[..index].iter().any(|other| other.id == *id) {
                return wrong(format!("there are two of the id \"{id}\"; give each its own"));
            }
            if policy.version.is_empty() || policy.texts().next().is_none() {
                return wrong(format!("\"{id}\" needs a version, and a text in ru or en"));
            }
            if policy.texts().any(|(_, text)| text.url.is_some() == text.file.is_some()) {
                return wrong(format!("each text of \"{id}\" is at url or in file: give one of them"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, tests::SMALLEST};

    fn parsed(policies: &str) -> Result<Config, super::ConfigError> {
        Config::parse(&format!("{SMALLEST}{policies}"), std::iter::empty())
    }

    #[test]
    fn a_policy_has_an_id_a_version_and_a_text() {
        let good = "[[terms.policies]]\nid = \"rules\"\nversion = \"1\"\n\
                    [terms.policies.ru]\nname = \"Правила\"\nfile = \"/etc/parta/rules.txt\"\n";
        assert_eq!(parsed(good).unwrap().terms.policies[0].texts().count(), 1);
        for bad in [
            good.replace("\"rules\"", "\"Rules!\""),
            good.replace("\"1\"", "\"\""),
            format!("{good}url = \"https://parta.school\"\n"),
            format!("{good}{good}"),
            "[[terms.policies]]\nid = \"rules\"\nversion = \"1\"\n".to_owned(),
        ] {
            let error = parsed(&bad).unwrap_err().to_string();
            assert!(error.starts_with("terms.policies: "), "{bad}: {error}");
        }
    }
}
