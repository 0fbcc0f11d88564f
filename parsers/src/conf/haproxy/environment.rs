//! Environment variables as HAProxy sees them. Reads no environment itself.

use super::Line;
use crate::preset::Preset;
use std::collections::HashMap;

/// Those that the caller looks up, those that HAProxy sets itself, and what `setenv` in `global` changed.
pub struct Environment<'e> {
    given: &'e dyn Fn(&str) -> Option<String>,
    /// By name; `None` where it was unset.
    changed: HashMap<String, Option<String>>,
    /// Nothing is inherited any more.
    reset: bool,
    /// Name of the section that is being read, for `${.SECTION}`.
    pub(super) section: String,
}

impl<'e> Environment<'e> {
    /// `given` knows the variables of the process; `.FILE` is asked for too.
    #[must_use]
    pub fn new(given: &'e dyn Fn(&str) -> Option<String>) -> Self {
        let formats = [
            ("HAPROXY_HTTP_LOG_FMT", "haproxy-http"),
            ("HAPROXY_HTTPS_LOG_FMT", "haproxy-https"),
            ("HAPROXY_HTTP_CLF_LOG_FMT", "haproxy-http-clf"),
            ("HAPROXY_TCP_LOG_FMT", "haproxy-tcp"),
            ("HAPROXY_TCP_CLF_LOG_FMT", "haproxy-tcp-clf"),
        ];
        let format = |name| Preset::named(name).map(|preset| preset.format_string.to_owned());
        let changed: HashMap<_, _> =
            formats.into_iter().map(|(variable, preset)| (variable.to_owned(), format(preset))).collect();
        Self { given, changed, reset: false, section: String::new() }
    }

    /// The value of a variable, `None` where it is not set.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        match self.changed.get(name) {
            Some(changed) => changed.clone(),
            None if self.reset => None,
            None => (self.given)(name),
        }
    }

    /// The value for a text on this line, where some names with a dot stand for the place.
    pub(super) fn expand(&self, name: &str, line: usize) -> Option<String> {
        match name {
            ".LINE" => Some(line.to_string()),
            ".SECTION" => Some(self.section.clone()),
            name => self.value(name),
        }
    }

    /// What a line of `global` does to it.
    pub(super) fn change(&mut self, line: &Line) {
        let names = || line.words.iter().skip(1).map(|word| word.text.clone());
        match line.word(0) {
            "presetenv" if self.value(line.word(1)).is_some() => {}
            "setenv" | "presetenv" => {
                self.changed.insert(line.word(1).to_owned(), Some(line.word(2).to_owned()));
            }
            "unsetenv" => self.changed.extend(names().map(|name| (name, None))),
            "resetenv" => {
                let kept: Vec<_> = names().map(|name| (name.clone(), self.value(&name))).collect();
                self.changed = kept.into_iter().collect();
                self.reset = true;
            }
            _ => {}
        }
    }
}
