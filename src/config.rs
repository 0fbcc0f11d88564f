//! `logstat.toml`: what it may say, and what is wrong with it. Reads the file; decides nothing.

mod ban;

use crate::cli::EscapeMode;
pub use ban::{BanConfig, Listed, OutputConfig};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where the configuration is looked for when none is named.
const PLACES: [&str; 2] = ["logstat.toml", "/etc/logstat/logstat.toml"];
/// A key further from a known one than this gets no suggestion.
const SIMILAR: f64 = 0.6;

/// The whole file. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[[source]]`.
    #[serde(default)]
    pub source: Vec<SourceConfig>,
    /// `[state]`.
    #[serde(default)]
    pub state: StateConfig,
    /// `[report]`.
    #[serde(default)]
    pub report: ReportConfig,
    /// `[ban]`; without it nobody is watched.
    pub ban: Option<BanConfig>,
}

/// `[[source]]`: one access log with its rotated siblings.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Default: from the path.
    pub name: Option<String>,
    /// Files and globs.
    #[serde(deserialize_with = "one_or_many")]
    pub paths: Vec<String>,
    /// A preset or a format string, or a list of those that lines may have; detected when absent.
    #[serde(default, deserialize_with = "one_or_many")]
    pub format: Vec<String>,
    /// nginx's `escape=`.
    pub escape: Option<EscapeMode>,
    /// Names of HAProxy's captured request headers, in the order of `capture request header` lines.
    #[serde(default)]
    pub capture_request: Vec<String>,
    /// The same of response headers.
    #[serde(default)]
    pub capture_response: Vec<String>,
    /// `edge`, `web`, `app` …: totals count each request once, at the outermost tier.
    pub tier: Option<String>,
    /// The machine whose log this is.
    pub node: Option<String>,
    /// Zone of dates without an offset.
    pub timezone: Option<String>,
    /// Whether its requests count for bans. Default: if it is of the outermost tier.
    pub ban: Option<bool>,
}

/// `[state]`: what is kept between runs, where and how long.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// Default: `/var/lib/logstat` for root, else `$XDG_STATE_HOME/logstat`.
    pub dir: Option<PathBuf>,
    /// Hours after which the hours of a day are added up to the day; 0 keeps them for good.
    pub keep_hours: Option<u32>,
    /// Days after which nothing is kept; 0 keeps them for good.
    pub keep_days: Option<u32>,
    /// Seconds for which a rotated log must be quiet before its last line is taken without a newline.
    pub rotate_wait_s: Option<u32>,
}

/// `[report]`: defaults of the flags of the same names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "see the flags")]
pub struct ReportConfig {
    pub out: Option<PathBuf>,
    pub timezone: Option<String>,
    #[serde(default, deserialize_with = "share")]
    pub max_reject_ratio: Option<f64>,
    pub top: Option<usize>,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read", path.display())]
    #[expect(missing_docs)]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}:{line}:{column}: {message}{hint}", path.display())]
    #[expect(missing_docs)]
    Syntax { path: PathBuf, line: usize, column: usize, message: String, hint: String },
}

/// Reads the configuration: the file named, else the first of the usual places that exists, else nothing.
///
/// # Errors
/// When the file cannot be read or says something that is not known, with line and column.
pub fn load(named: Option<&Path>) -> Result<Config, ConfigError> {
    let usual = || PLACES.iter().map(Path::new).find(|place| place.exists());
    let Some(path) = named.or_else(usual) else { return Ok(Config::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(path, &text)
}

/// Reads the text of a configuration, which is or will be at `path`.
///
/// # Errors
/// When it says something that is not known, with line and column.
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let mut config: Config = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        Position::of(text, at).error(path, message, hint(error.message()))
    })?;
    config.ban.iter_mut().try_for_each(|ban| ban.check(path, text))?;
    Ok(config)
}

/// A place in a text, both from 1.
struct Position {
    line: usize,
    column: usize,
}

impl Position {
    fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    fn error(&self, path: &Path, message: String, hint: Option<String>) -> ConfigError {
        let Self { line, column } = *self;
        let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        ConfigError::Syntax { path: path.to_owned(), line, column, message, hint }
    }
}

/// What to write instead, where serde's words do not say it.
fn hint(message: &str) -> Option<String> {
    let is = |words: &str| message.contains(words);
    if is("invalid type: map, expected a sequence") {
        return Some("it is [[source]], in two brackets, for there may be several".to_owned());
    }
    if is("expected usize") {
        return Some("a whole number, such as 10".to_owned());
    }
    nearest_key(message).map(|key| format!("did you mean `{key}`?"))
}

/// A number from 0 to 1.
fn share<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let share = f64::deserialize(deserializer)?;
    let is_share = (0.0..=1.0).contains(&share);
    if is_share { Ok(Some(share)) } else { Err(serde::de::Error::custom("a share is a number from 0 to 1")) }
}

/// A text, or a list of texts.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMany;
    impl<'de> serde::de::Visitor<'de> for OneOrMany {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a text or a list of texts")
        }

        fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, texts: A) -> Result<Vec<String>, A::Error> {
            Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(texts))
        }
    }
    deserializer.deserialize_any(OneOrMany)
}

/// serde words it "unknown field `pth`, expected one of `name`, `paths`": the known key most like the unknown one.
fn nearest_key(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `")?;
    let mut quoted = rest.split('`').step_by(2);
    let unknown = quoted.next()?;
    let scored = quoted.map(|known| (strsim::jaro_winkler(unknown, known), known));
    let (score, best) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score >= SIMILAR).then(|| best.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(Path::new("logstat.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_keys_are_known() {
        let config = parse(
            Path::new("logstat.toml"),
            r#"
            [[source]]
            name = "edge"
            paths = ["/var/log/nginx/access.log*"]
            format = "combined"
            escape = "default"
            tier = "web"
            timezone = "Europe/Berlin"
            [report]
            out = "/var/lib/logstat/report"
            timezone = "local"
            max_reject_ratio = 0.05
            "#,
        );
        let config = config.unwrap();
        assert_eq!(config.source[0].escape, Some(EscapeMode::Default));
        assert_eq!(config.report.max_reject_ratio, Some(0.05));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
        let message = error("[[source]]\npaths = []\n  fromat = \"combined\"\n");
        assert!(message.starts_with("logstat.toml:3:3: unknown field `fromat`"), "{message}");
        assert!(message.ends_with("hint: did you mean `format`?"), "{message}");
    }

    #[test]
    fn a_source_may_have_several_formats() {
        let formats = |text: &str| {
            let text = format!("[[source]]\npaths = [\"a.log\"]\n{text}");
            parse(Path::new("logstat.toml"), &text).map(|mut config| config.source.remove(0).format)
        };
        assert_eq!(formats("format = \"combined\"").unwrap(), ["combined"]);
        assert_eq!(formats("format = [\"combined\", \"common\"]").unwrap(), ["combined", "common"]);
        assert!(formats("").unwrap().is_empty());
        let message = formats("format = 5").unwrap_err().to_string();
        assert!(
            message.contains(":3:10: invalid type: integer `5`, expected a text or a list of texts"),
            "{message}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_has_a_place() {
        let message = error("[report]\nmax_reject_ratio = \"much\"\n");
        assert!(message.starts_with("logstat.toml:2:20: invalid type"), "{message}");
    }
}
