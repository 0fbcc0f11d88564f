//! What each value of a format string is for. Reads no log line, and has no table of variables: it asks those that
//! compile the string.

use crate::assemble::{Piece, drop_losers};
use crate::captures::Captures;
use crate::format::{Format, Vendor};
use crate::record::{Client, Record};
use crate::step::{Field, Slot};
use crate::{apache, haproxy, keyed, nginx};

/// One value of a format string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'f> {
    /// As it stands in the string: `$request_time`, `%Ta`, `%[src]`.
    pub text: &'f str,
    /// Byte in the string at which it begins.
    pub at: usize,
    /// What becomes of the value.
    pub role: Role<'f>,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role<'f> {
    /// It fills this field of the record.
    Fills(Slot),
    /// It leads from the logged start of the request to its end.
    Elapsed,
    /// It could fill this field, but another value does.
    Beaten {
        /// The field.
        slot: Slot,
        /// The other value.
        by: &'f str,
    },
    /// It is read over: no record keeps it.
    Ignored,
}

impl Format {
    /// Every value of the format string, in order.
    #[must_use]
    pub fn items(&self) -> Vec<Item<'_>> {
        let text = self.format_string();
        let values = match self.vendor() {
            Vendor::Nginx => nginx::values(text),
            Vendor::HaProxy => haproxy::values(text),
            Vendor::Apache => apache::values(text),
            Vendor::Map => return keyed::pairs(text).into_iter().map(map_item).collect(),
        };
        // It compiled before.
        let (pieces, _) = self.vendor().pieces(text, &self.captures).unwrap_or_default();
        let mut items = describe(pieces, &values);
        if !self.fields().x_forwarded_for {
            let is_kept = |item: &Item<'_>| item.role != Role::Fills(Slot::XForwardedFor);
            items.iter_mut().filter(|item| !is_kept(item)).for_each(|item| item.role = Role::Ignored);
        }
        for item in items.iter_mut().filter(|item| item.text.starts_with('%') && item.text.ends_with("hr")) {
            item.role = self.captures.role();
        }
        items
    }
}

impl Captures {
    /// What the captured request headers are for. Of two that are of use, the first is told.
    fn role<'f>(&self) -> Role<'f> {
        let slot = |index| match self.request_name(index)?.to_ascii_lowercase().as_str() {
            "user-agent" => Some(Slot::UserAgent),
            "referer" => Some(Slot::Referer),
            _ => None,
        };
        (0..self.request.len()).find_map(slot).map_or(Role::Ignored, Role::Fills)
    }
}

/// A pair of a field map. Which of several with one meaning a line has, only the line says.
fn map_item((at, text, slot): (usize, &str, Option<Slot>)) -> Item<'_> {
    let role = match slot {
        Some(Slot::Start) => Role::Elapsed,
        Some(slot) => Role::Fills(slot),
        None => Role::Ignored,
    };
    Item { text, at, role }
}

/// Joins what the pieces of a string say to its values. A value without a piece, such as HAProxy's `%hr`, is ignored.
fn describe<'f>(mut pieces: Vec<Piece>, values: &[(usize, &'f str)]) -> Vec<Item<'f>> {
    let before = fields(&pieces);
    drop_losers(&mut pieces);
    let after = fields(&pieces);
    let text_at = |at: usize| values.iter().find(|(other, _)| *other == at).map_or("", |(_, text)| text);
    let winner = |slot: Slot| {
        let fills = |slot| after.iter().find(|(_, field)| field.slot() == Some(slot));
        fills(slot).or_else(|| fills(Slot::Request)).map_or("", |(at, _)| text_at(*at))
    };
    let role = |at: usize| {
        let field = |fields: &[(usize, Field)]| {
            fields.iter().find(|(other, _)| *other == at).map_or(Field::Nothing, |(_, field)| *field)
        };
        match (field(&before), field(&after).slot()) {
            (_, Some(slot)) => Role::Fills(slot),
            (Field::Total { elapsed: true, .. }, None) => Role::Elapsed,
            (Field::Total { .. }, None) => Role::Beaten { slot: Slot::Latency, by: winner(Slot::Latency) },
            (beaten, None) => {
                beaten.slot().map_or(Role::Ignored, |slot| Role::Beaten { slot, by: winner(slot) })
            }
        }
    };
    values.iter().map(|&(at, text)| Item { text, at, role: role(at) }).collect()
}

fn fields(pieces: &[Piece]) -> Vec<(usize, Field)> {
    let field = |piece: &Piece| match piece {
        Piece::Value { field, at, .. } => Some((*at, *field)),
        Piece::Text(_) | Piece::Captures(_) => None,
    };
    pieces.iter().filter_map(field).collect()
}

impl Slot {
    /// The name of the record's field, without its unit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Time => "time",
            Self::Start => "start",
            Self::Request => "request",
            Self::Method => "method",
            Self::Target => "target",
            Self::Protocol => "protocol",
            Self::Status => "status",
            Self::Bytes => "bytes_sent",
            Self::RemoteUser => "remote_user",
            Self::Referer => "referer",
            Self::UserAgent => "user_agent",
            Self::XForwardedFor => "x_forwarded_for",
            Self::Site => "site",
            Self::Backend => "backend",
            Self::Server => "server",
            Self::Latency => "latency",
            Self::Upstream => "upstream",
            Self::Queue => "queue",
            Self::Connect => "connect",
            Self::Response => "response",
            Self::Retries => "retries",
            Self::Termination => "termination",
            Self::Cache => "cache",
            Self::Tls => "tls",
        }
    }

    /// Whether a record has a value for it. TLS always has one: without it, the request was not encrypted.
    #[must_use]
    pub const fn is_in(self, record: &Record<'_>) -> bool {
        match self {
            Self::Client => !matches!(record.client, Client::Unknown),
            Self::Time | Self::Start | Self::Tls => true,
            Self::Request => record.request.is_some(),
            Self::Method => record.method.is_some(),
            Self::Target => record.target.is_some(),
            Self::Protocol => record.protocol.is_some(),
            Self::Status => record.status.is_some(),
            Self::Bytes => record.bytes_sent.is_some(),
            Self::RemoteUser => record.remote_user.is_some(),
            Self::Referer => record.referer.is_some(),
            Self::UserAgent => record.user_agent.is_some(),
            Self::XForwardedFor => record.x_forwarded_for.is_some(),
            Self::Site => record.site.is_some(),
            Self::Backend => record.backend.is_some(),
            Self::Server => record.server.is_some(),
            Self::Latency => record.latency_us.is_some(),
            Self::Upstream => record.upstream_us.is_some(),
            Self::Queue => record.queue_us.is_some(),
            Self::Connect => record.connect_us.is_some(),
            Self::Response => record.response_us.is_some(),
            Self::Retries => record.retries.is_some(),
            Self::Termination => record.termination.is_some(),
            Self::Cache => record.cache.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Fields, Options, PRESETS};

    fn roles(string: &str) -> Vec<(String, String)> {
        let format = Format::compile(string, &Options::default()).unwrap();
        let said = |role| match role {
            Role::Fills(slot) => slot.name().to_owned(),
            Role::Elapsed => "elapsed".to_owned(),
            Role::Beaten { slot, by } => format!("{} is {by}", slot.name()),
            Role::Ignored => "-".to_owned(),
        };
        format.items().into_iter().map(|item| (item.text.to_owned(), said(item.role))).collect()
    }

    fn assert_roles(string: &str, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|&(text, role)| (text.to_owned(), role.to_owned())).collect();
        assert_eq!(roles(string), expected);
    }

    #[test]
    fn every_variable_has_its_role() {
        assert_roles(
            r#"$remote_addr [${time_local}] $msec "$request" $request_method $status $host $server_name $pipe"#,
            &[
                ("$remote_addr", "client"),
                ("${time_local}", "time is $msec"),
                ("$msec", "time"),
                ("$request", "request"),
                ("$request_method", "method is $request"),
                ("$status", "status"),
                ("$host", "site is $server_name"),
                ("$server_name", "site"),
                ("$pipe", "-"),
            ],
        );
    }

    #[test]
    fn every_alias_has_its_role() {
        assert_roles(
            "%{+Q}o %ci:%cp [%t] %f %Tt/%Ta/%Tu %ST%% %hr %[ssl_fc_sni] %{+Q}r",
            &[
                ("%ci", "client"),
                ("%cp", "-"),
                ("%t", "time"),
                ("%f", "site"),
                ("%Tt", "elapsed"),
                ("%Ta", "latency"),
                ("%Tu", "latency is %Ta"),
                ("%ST", "status"),
                ("%hr", "-"),
                ("%[ssl_fc_sni]", "-"),
                ("%{+Q}r", "request"),
            ],
        );
    }

    /// The fields that items fill, with what `Format::fields` knows to follow from others.
    fn filled(format: &Format) -> Fields {
        let mut fields = Fields::default();
        for item in format.items() {
            if let Role::Fills(slot) = item.role {
                fields.add(slot);
            }
        }
        fields.upstream |= format.items().iter().any(|item| item.text == "$processing_times");
        let has = |slot| format.items().iter().any(|item| item.role == Role::Fills(slot));
        let starts = format.items().iter().any(|item| item.role == Role::Elapsed);
        fields.latency |= format.vendor() == Vendor::Map && starts && has(Slot::Time);
        fields.time |= starts;
        if format.vendor() == Vendor::HaProxy {
            fields.time = true;
            fields.tls = format.fields().tls;
            fields.upstream = fields.connect && fields.response;
            fields.cache = fields.server;
        }
        fields
    }

    #[test]
    fn items_of_presets_fill_what_their_steps_fill() {
        for preset in PRESETS {
            let format = Format::compile(preset.name, &Options::default()).unwrap();
            assert_eq!(filled(&format), format.fields(), "{}", preset.name);
            assert_eq!(format.format_string(), preset.format_string);
        }
    }

    proptest! {
        #[test]
        fn items_fill_what_steps_fill(
            values in prop::collection::vec(
                prop::sample::select(vec![
                    "$remote_addr", "$msec", "$time_iso8601", "$request", "$request_uri", "$status", "$bytes_sent",
                    "$body_bytes_sent", "$host", "$request_time", "$upstream_addr", "$scheme", "${ssl_cipher}", "$x",
                ]),
                0..12,
            ),
        ) {
            let string = format!("$time_local {}", values.join(" "));
            let format = Format::compile(&string, &Options::default()).unwrap();
            prop_assert_eq!(filled(&format), format.fields());
            for item in format.items() {
                prop_assert!(string[item.at..].starts_with(item.text));
            }
            prop_assert_eq!(format.items().len(), values.len() + 1);
        }
    }
}
