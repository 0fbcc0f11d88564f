//! Labelled tab-separated values: `label:value`, with tabs between. Knows no meaning of any label.
//!
//! <http://ltsv.org/>

use memchr::memchr;

use crate::gather::{Fault, Gathering};
use crate::keyed::ROOT;
use crate::record::RejectKind;

/// Reads the values from byte `from` of the line on.
pub(crate) fn read(gathering: &mut Gathering<'_, '_, '_, '_>, from: usize) -> Result<(), Fault> {
    let line = gathering.line;
    let mut at = from;
    while at < line.len() {
        let end = memchr(b'\t', &line[at..]).map_or(line.len(), |length| at + length);
        if at < end {
            let Some(label) = memchr(b':', &line[at..end]) else {
                // The last one may have been cut within its label.
                let kind = if at > from && end == line.len() { RejectKind::Cut } else { RejectKind::Shape };
                return Err(Fault { kind, byte: at });
            };
            let node = gathering.map.child(ROOT, &line[at..at + label]);
            if let Some(path) = gathering.map.path(node) {
                gathering.take(path, at + label + 1..end)?;
            }
        }
        at = end + 1;
    }
    Ok(())
}

/// The first value with its label, and what comes behind the tab that ends it.
pub(crate) fn first_value(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let end = memchr(b'\t', text)?;
    let label = memchr(b':', &text[..end])?;
    Some((&text[..label], &text[label + 1..end], &text[end + 1..]))
}

/// Whether a line looks like this: labels before its first two values.
pub(crate) fn is_likely(line: &[u8]) -> bool {
    let values = line.split(|byte| *byte == b'\t').take(2);
    let is_labelled = |value: &[u8]| {
        let label = value.iter().position(|byte| *byte == b':').unwrap_or(0);
        label > 0 && value[..label].iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    values.filter(|value| is_labelled(value)).count() == 2
}
