//! The client of a line that is no record, where nothing that a client writes can stand before its address. Reads no
//! other value, and is asked only when a line is rejected.

use std::net::IpAddr;

use crate::address;
use crate::cursor::Cursor;
use crate::format::Vendor;
use crate::gather::without_port;
use crate::keyed::{Map, ROOT, Syntax};
use crate::parser::{Draft, Parser};
use crate::record::{Client, Record};
use crate::step::{End, Field, Limit, Shape, Slot, Step};
use crate::{apache, json, ltsv, prefix};

/// The step of the client, if all before it is the server's own, and text of the format follows: without that, a cut
/// address would pass for a whole one.
pub(crate) fn client_step(steps: &[Step], vendor: Vendor, string: &str) -> Option<usize> {
    // With UseCanonicalName off, Apache's `%V` is what the client asked for.
    if vendor == Vendor::Apache && apache::values(string).iter().any(|(_, text)| text.ends_with('V')) {
        return None;
    }
    let at = steps.iter().position(|step| step.field.slot() == Some(Slot::Client))?;
    let is_ended = !steps[at].then.bytes().is_empty();
    (is_ended && steps[..at].iter().all(|step| is_servers_own(step, vendor))).then_some(at)
}

/// Whether the server alone decides what stands there, and where it ends.
fn is_servers_own(step: &Step, vendor: Vendor) -> bool {
    match step.field {
        Field::Nothing
        | Field::ClfDate
        | Field::IsoDate
        | Field::ZonelessDate
        | Field::Epoch
        | Field::Rfc3339
        | Field::TabDate
        | Field::EpochUnits(_)
        | Field::HexEpoch
        | Field::Strftime { .. }
        | Field::Status
        | Field::ProxyStatus
        | Field::Bytes
        | Field::ClfBytes
        | Field::RequestTime
        | Field::Total { .. }
        | Field::Elapsed { .. }
        | Field::QueueMs
        | Field::ConnectMs
        | Field::ResponseMs
        | Field::Retries
        | Field::Termination(_)
        | Field::Skip(Shape::Number | Shape::Numbers(_) | Shape::Fixed(_)) => true,
        // Words of the configuration, which hold no space.
        Field::Site | Field::Frontend | Field::Backend => {
            matches!(step.end, End::Byte(_) | End::Search { limit: Limit::Byte(b' '), .. })
        }
        // HAProxy's and Apache's may be what a backend or an ident server said.
        Field::Skip(Shape::Word) => vendor == Vendor::Nginx && matches!(step.end, End::Byte(_)),
        _ => false,
    }
}

/// Whether a client may have written one of the first two words of a line.
pub(crate) fn has_early_text(steps: &[Step]) -> bool {
    let mut spaces = 0;
    for step in steps {
        if spaces > 1 {
            return false;
        }
        if step.is_free() {
            return true;
        }
        let written = step.field.separators().iter().chain(step.then.bytes());
        spaces += written.filter(|byte| **byte == b' ').count();
    }
    false
}

/// Whether a text among these steps has an end that only what comes behind them tells.
pub(crate) fn hides_end(steps: &[Step]) -> bool {
    let reaches = |limit: Limit, step: &Step| step.then.bytes().iter().any(|byte| limit.is(*byte));
    steps.iter().enumerate().any(|(at, step)| match step.end {
        End::Search { limit, .. } => !steps[at..].iter().any(|step| reaches(limit, step)),
        _ => false,
    })
}

/// Whether the forwarded addresses, if the format has them, are whole in each record: what is cut off of them is what
/// proxies wrote, and what is left what a client did. Nor do they keep a text beside them from ending where it may.
pub(crate) fn forwarded_is_whole(steps: &[Step]) -> bool {
    let is_forwarded = |step: &Step| step.field.slot() == Some(Slot::XForwardedFor);
    let Some(at) = steps.iter().position(is_forwarded) else { return true };
    let is_searched = |step: &Step| matches!(step.end, End::Search { .. } | End::Line);
    let is_skipped = |step: &Step| is_searched(step) && matches!(step.field, Field::Skip(_));
    let beside = &steps[at.saturating_sub(1)..steps.len().min(at + 2)];
    let is_apart = !is_searched(&steps[at]) || !beside.iter().any(is_skipped);
    let known =
        steps.iter().rposition(|step| step.field.slot() == Some(Slot::Status)).map_or(0, |status| status + 1);
    is_apart && steps[at].end != End::Line && !hides_end(&steps[..known.max(at + 1)])
}

impl Parser<'_> {
    /// The client's address in a line of which only the start is there, or which is too long to be read: where it is
    /// certain, as [`Reject::client`](crate::Reject::client) is.
    #[cold]
    pub fn client_of(&mut self, start: &[u8]) -> Option<IpAddr> {
        let message = self.message(start);
        match &self.format.map {
            Some(map) => self.named_client(map, start),
            None => self.client_behind(start, message),
        }
    }

    /// The client of a message, if it is the same one however what is in front is read.
    #[cold]
    pub(crate) fn client_behind(&mut self, line: &[u8], message: &[u8]) -> Option<IpAddr> {
        let client = self.first_client(message)?;
        for other in [Some(line), prefix::behind_date(line)].into_iter().flatten() {
            let is_same =
                other.len() == message.len() || self.first_client(other).is_none_or(|it| it == client);
            if !is_same {
                return None;
            }
        }
        if let Client::Ip(address) = client { Some(address) } else { None }
    }

    /// The client field, read as a whole with what the format writes behind it.
    #[cold]
    pub(crate) fn first_client<'l>(&mut self, text: &'l [u8]) -> Option<Client<'l>> {
        let format = self.format;
        let steps = format.steps.get(..=format.client_step?)?;
        let mut cursor = Cursor::new(text);
        let mut record = Record::default();
        let mut draft = Draft::new(&mut record);
        for step in steps {
            cursor = self.value_apart(step, cursor, &mut draft)?;
            if !self.literal(step, &mut cursor, &mut draft) {
                return None;
            }
        }
        Some(record.client)
    }

    /// The client of a line with named values, if only values of the server's own come before it. Who can write a quote
    /// into the log could write a name too.
    #[cold]
    pub(crate) fn named_client(&mut self, map: &Map, line: &[u8]) -> Option<IpAddr> {
        let message = self.prefixes.skip(line);
        let mut rest = match map.syntax {
            Syntax::Json => json::message(message)?,
            Syntax::Ltsv => message,
        };
        loop {
            let (name, value, after) = match map.syntax {
                Syntax::Json => json::first_member(rest)?,
                Syntax::Ltsv => ltsv::first_value(rest)?,
            };
            let entry = map.entry(map.path(map.child(ROOT, name))?);
            match entry.slot {
                // A better one may come, or have been cut off.
                Slot::Client if entry.rank > 0 => return None,
                Slot::Client => match address::client(without_port(value))? {
                    Client::Ip(address) => return Some(address),
                    Client::Name(_) | Client::Unknown => return None,
                },
                Slot::Time | Slot::Start | Slot::Status | Slot::Bytes | Slot::Latency => rest = after,
                _ => return None,
            }
        }
    }
}
