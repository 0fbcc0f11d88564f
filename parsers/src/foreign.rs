//! Reads the dates and numbers that only other servers than nginx and HAProxy write. Apart from the hot path of those two.

use crate::cursor::Cursor;
use crate::parser::{Draft, Parser, Stop};
use crate::record::RejectKind;
use crate::step::{Field, Slot};
use crate::value::{Next, keep_date, read};
use crate::{date, number};

impl Parser<'_> {
    /// The value of a step that no format of nginx or HAProxy has.
    #[inline(never)]
    pub(crate) fn foreign<'l>(
        &mut self,
        field: Field,
        at: Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Next<'l> {
        read(at, draft, move |at, draft| match field {
            Field::TabDate => self.tab_date(at, draft),
            Field::AnyDate => self.any_date(at, draft),
            Field::Scaled { slot, power } => scaled(slot, power, at, draft),
            Field::ProcessingTimes => processing_times(at, draft),
            _ => rfc3339(at, draft),
        })
    }

    /// CloudFront's, read as `2019-12-04T21:02:31+00:00`.
    fn tab_date(&mut self, at: &mut Cursor<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
        let logged: &[u8; 19] = at.rest().first_chunk().ok_or(Stop::cut())?;
        let mut text = *b"0000-00-00T00:00:00+00:00";
        text[..19].copy_from_slice(logged);
        text[10] = if logged[10] == b'\t' { b'T' } else { 0 };
        let us = self.dates.same_iso(&text).or_else(|| self.dates.iso(&text));
        keep_date(us, 19, at, draft)
    }

    /// A whole value that is a date in any form.
    fn any_date(&mut self, at: &mut Cursor<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
        let text = at.rest();
        let bare = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
        let us = if let Ok(clf) = <&[u8; 26]>::try_from(bare)
            && clf[2] == b'/'
        {
            self.dates.same_clf(clf).or_else(|| self.dates.clf(clf))
        } else if let Ok(iso) = <&[u8; 25]>::try_from(bare)
            && matches!(iso[19], b'+' | b'-')
        {
            self.dates.same_iso(iso).or_else(|| self.dates.iso(iso))
        } else {
            let whole = date::rfc3339(bare).filter(|(_, length)| *length == bare.len());
            let whole = whole.map(|(us, _)| us).or_else(|| number::epoch_us(bare));
            whole.or_else(|| date::loose(bare, &self.format.timezone))
        };
        keep_date(us, text.len(), at, draft)
    }
}

fn rfc3339(cursor: &mut Cursor<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
    let (us, length) = date::rfc3339(cursor.rest()).unzip();
    keep_date(us, length.unwrap_or(0), cursor, draft)
}

/// A number in any notation, brought to the unit of its slot.
fn scaled(slot: Slot, power: i8, cursor: &mut Cursor<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
    let no_number = Stop::new(RejectKind::Number, *cursor);
    let (value, length) = number::scaled(cursor.rest(), power).map_err(|_| no_number)?;
    cursor.take(length).filter(|text| !text.is_empty()).ok_or(no_number)?;
    let record = &mut *draft.record;
    match slot {
        Slot::Bytes => record.bytes_sent = value,
        Slot::Latency => record.latency_us = value,
        Slot::Upstream => record.upstream_us = value,
        Slot::Queue => record.queue_us = value,
        Slot::Connect => record.connect_us = value,
        Slot::Response => record.response_us = value,
        Slot::Time | Slot::Start => {
            draft.date_us = Some(value.and_then(|us| i64::try_from(us).ok()).ok_or(no_number)?);
        }
        _ => {}
    }
    Ok(())
}

/// The load balancer's times until the target, in the target, and until the answer: `-1` where there was no target.
fn processing_times(cursor: &mut Cursor<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
    let mut times = [None; 3];
    for (at, time) in times.iter_mut().enumerate() {
        let separator = usize::from(at > 0);
        let no_number = if cursor.rest().len() <= separator {
            Stop::cut()
        } else {
            Stop::new(RejectKind::Number, *cursor)
        };
        cursor.take(separator).filter(|text| matches!(text, [] | [b' '])).ok_or(no_number)?;
        let (us, length) = number::scaled(cursor.rest(), 6).map_err(|_| no_number)?;
        cursor.take(length).filter(|text| !text.is_empty()).ok_or(no_number)?;
        *time = us;
    }
    let [request, target, response] = times;
    draft.record.upstream_us = target;
    draft.record.latency_us =
        request.zip(target).zip(response).and_then(|((a, b), c)| a.checked_add(b)?.checked_add(c));
    Ok(())
}
