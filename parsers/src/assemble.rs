//! Pieces of a format string become steps: which field wins where several say the same, and where each value ends.

use crate::certain;
use crate::format::FormatError;
use crate::step::{End, Field, Limit, Literal, Shape, Slot, Step};

/// A format string taken apart by its vendor's grammar.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Bytes that the server writes as they are.
    Text(Vec<u8>),
    /// A value that starts at byte `at` of the format string. Of several with one meaning the lowest `rank` wins.
    Value { field: Field, rank: u8, at: usize },
    /// HAProxy's captured headers, as this field.
    Captures(Field),
}

/// Which bytes a vendor never writes raw inside a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// nginx `escape=default`: no `"`, no control characters.
    NginxDefault,
    /// nginx `escape=json`: a `"` only behind a backslash, no control characters.
    NginxJson,
    /// nginx `escape=none`: anything goes.
    NginxNone,
    /// HAProxy: no `"` and no control characters, except in cookies, samples and unique ids.
    HaProxy,
    /// Apache: a `"` only behind a backslash, no control characters.
    Apache,
}

impl Escaping {
    fn is_hard(self, byte: u8, shape: Shape) -> bool {
        match self {
            Self::NginxNone => false,
            Self::NginxDefault | Self::Apache => byte == b'"' || byte.is_ascii_control(),
            // DEL is not escaped.
            Self::NginxJson => byte == b'"' || byte < b' ',
            Self::HaProxy => match shape {
                Shape::Cookie | Shape::Raw => false,
                // Only these two have a backslash in front.
                Shape::Escaped => byte == b'"',
                _ => byte == b'"' || byte.is_ascii_control(),
            },
        }
    }
}

/// Turns pieces into steps.
pub(crate) fn assemble(pieces: Vec<Piece>, escaping: Escaping) -> Result<Vec<Step>, FormatError> {
    let mut plain = pieces.clone();
    let is_forwarded = |field: Field| field.slot() == Some(Slot::XForwardedFor);
    for piece in &mut plain {
        if let Piece::Value { field, .. } = piece
            && is_forwarded(*field)
        {
            *field = field.skipped();
        }
    }
    let plain = steps_of(plain, escaping)?;
    match steps_of(pieces, escaping) {
        Ok(steps) if certain::forwarded_is_whole(&steps) && have_same_ends(&steps, &plain) => Ok(steps),
        _ => Ok(plain),
    }
}

/// Whether all values of two sequences end in the same way. A text that is kept may leave others fewer ways to end.
fn have_same_ends(some: &[Step], others: &[Step]) -> bool {
    let is_same = |(one, other): (&Step, &Step)| one.end == other.end;
    some.len() == others.len() && some.iter().zip(others).all(is_same)
}

fn steps_of(mut pieces: Vec<Piece>, escaping: Escaping) -> Result<Vec<Step>, FormatError> {
    drop_losers(&mut pieces);
    let mut pieces = merge_skipped(join_literals(pieces));
    let tail = collapse_tail(&mut pieces, escaping);
    swallow_capture_space(&mut pieces);
    let mut steps: Vec<Step> = Vec::with_capacity(pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        let (field, end) = match piece {
            Piece::Captures(field @ Field::RequestHeaders { quoted: true, .. }) => (*field, End::Own),
            Piece::Captures(field) => {
                refuse_look_alikes(&pieces[index + 1..])?;
                (*field, End::Own)
            }
            Piece::Value { field, at, .. } => (*field, end_of(*field, *at, &pieces[index + 1..], escaping)?),
            Piece::Text(text) => {
                match steps.last_mut() {
                    Some(value) => value.then = Literal::new(text),
                    None => {
                        let (field, end) = (Field::Nothing, End::Own);
                        steps.push(Step { field, end, then: Literal::new(text), at: 0 });
                    }
                }
                continue;
            }
        };
        steps.push(Step { field, end, then: Literal::default(), at: steps.len() });
    }
    count_separators(&mut steps, &tail);
    Ok(steps)
}

/// Where no headers are captured, what a client wrote stands in their place and may look like them. That hides what
/// comes later, so nothing that a client must not change may.
fn refuse_look_alikes(after: &[Piece]) -> Result<(), FormatError> {
    let Some((Piece::Value { field, at, .. }, rest)) = after.split_first() else { return Ok(()) };
    let is_clients = match field {
        Field::Method | Field::Target | Field::Protocol | Field::Request | Field::Sent { .. } => true,
        Field::Skip(shape) => matches!(shape, Shape::Text | Shape::Raw | Shape::Escaped | Shape::Cookie),
        _ => false,
    };
    let is_protected = |piece: &Piece| {
        let Piece::Value { field, .. } = piece else { return false };
        matches!(field.slot(), Some(Slot::Client | Slot::Time | Slot::Status | Slot::Bytes))
    };
    if is_clients && rest.iter().any(is_protected) { Err(FormatError::Adjacent { at: *at }) } else { Ok(()) }
}

/// How often the server itself writes the byte that may end a text, up to where the search for that ends.
fn count_separators(steps: &mut [Step], tail: &[u8]) {
    let mut rest = steps;
    while let Some((text, after)) = rest.split_first_mut() {
        rest = after;
        let End::Search { from, limit, separators } = &mut text.end else { continue };
        let after = rest.iter().flat_map(|step| step.field.separators().iter().chain(step.then.bytes()));
        let written = text.then.bytes().iter().chain(after).chain(tail);
        let is_before = |byte: &&u8| !limit.is(**byte);
        *separators = written.take_while(is_before).filter(|byte| *byte == from).count();
    }
}

/// Keeps one value for each slot and turns the others into skipped ones.
pub(crate) fn drop_losers(pieces: &mut [Piece]) {
    let claims: Vec<(Slot, u8, usize)> = pieces
        .iter()
        .enumerate()
        .filter_map(|(index, piece)| match piece {
            Piece::Value { field, rank, .. } => field.slot().map(|slot| (slot, *rank, index)),
            _ => None,
        })
        .collect();
    let whole_request = claims.iter().any(|(slot, ..)| *slot == Slot::Request);
    for (slot, rank, index) in &claims {
        let beaten =
            claims.iter().any(|(other, other_rank, at)| other == slot && (other_rank, at) < (rank, index));
        let part_of_request = whole_request && matches!(slot, Slot::Method | Slot::Target | Slot::Protocol);
        if (beaten || part_of_request)
            && let Piece::Value { field, .. } = &mut pieces[*index]
        {
            *field = field.skipped();
        }
    }
}

fn join_literals(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.extend_from_slice(&text),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// Skipped values with nothing between them cannot be told apart, and need not be.
fn merge_skipped(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if let Piece::Value { field: Field::Skip(shape), .. } = piece {
            if let Some(Piece::Value { field: Field::Skip(before), .. }) = merged.last_mut() {
                let is_raw = |shape| matches!(shape, Shape::Raw | Shape::Escaped | Shape::Cookie);
                *before = if is_raw(*before) || is_raw(shape) { Shape::Raw } else { Shape::Text };
                continue;
            }
            if join_numbers(&mut merged, &piece) {
                continue;
            }
        }
        merged.push(piece);
    }
    merged
}

/// Free text with no hard end, behind which nothing is kept, goes to the end of the line: however it is read, the
/// record is the same.
/// Gives what the format writes there.
fn collapse_tail(pieces: &mut Vec<Piece>, escaping: Escaping) -> Vec<u8> {
    let kept = |piece: &Piece| matches!(piece, Piece::Value { field, .. } if field.slot().is_some());
    let first = pieces.iter().rposition(kept).map_or(0, |last| last + 1);
    let is_open = |pair: &[Piece]| match pair {
        [
            Piece::Value { field: Field::Skip(shape @ (Shape::Text | Shape::Raw | Shape::Cookie)), .. },
            Piece::Text(text),
        ] => !escaping.is_hard(text[0], *shape),
        _ => false,
    };
    let Some(open) = pieces[first..].windows(2).position(is_open) else { return Vec::new() };
    let dropped = pieces.split_off(first + open + 1);
    if let Some(Piece::Value { field, .. }) = pieces.last_mut() {
        *field = Field::Skip(Shape::Text);
    }
    let literal = |piece| if let Piece::Text(text) = piece { text } else { Vec::new() };
    dropped.into_iter().flat_map(literal).collect()
}

/// `%ac/%fc/%bc/%sc` is one step.
fn join_numbers(merged: &mut Vec<Piece>, piece: &Piece) -> bool {
    let Piece::Value { field: Field::Skip(Shape::Number), .. } = piece else { return false };
    let [.., Piece::Value { field: Field::Skip(shape), .. }, Piece::Text(text)] = merged.as_mut_slice()
    else {
        return false;
    };
    let further = match shape {
        Shape::Number => 1,
        Shape::Numbers(further) => further.saturating_add(1),
        _ => return false,
    };
    if text != b"/" || further == u8::MAX {
        return false;
    }
    *shape = Shape::Numbers(further);
    merged.pop();
    true
}

/// The space behind captured headers is there only if they are.
fn swallow_capture_space(pieces: &mut Vec<Piece>) {
    for index in 1..pieces.len() {
        if matches!(pieces[index - 1], Piece::Captures(_))
            && let Piece::Text(text) = &mut pieces[index]
            && text.first() == Some(&b' ')
        {
            text.remove(0);
        }
    }
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
}

/// Whether a list and a text that begins with a space could make one of the list's separators of what is between them.
fn runs_on(field: Field, between: &[u8], next: Option<&Piece>) -> bool {
    let is_free = matches!(next, Some(Piece::Value { field, .. }) if field.text().is_some_and(|shape| shape != Shape::Word));
    field.is_list() && is_free && matches!(between, b"," | b" :")
}

fn end_of(field: Field, at: usize, after: &[Piece], escaping: Escaping) -> Result<End, FormatError> {
    let Some(shape) = field.text() else {
        return match after.first() {
            Some(Piece::Text(text)) if field.goes_on_with(text) || runs_on(field, text, after.get(1)) => {
                Err(FormatError::Adjacent { at })
            }
            Some(Piece::Text(text)) => Ok(End::Byte(text[0])),
            // Digits would run into what follows.
            Some(Piece::Value { .. }) if field.width().is_none() => Err(FormatError::Adjacent { at }),
            _ => Ok(End::Own),
        };
    };
    let text = match after.first() {
        None => return Ok(End::Line),
        Some(Piece::Text(text)) => text,
        // A target begins with a slash, so a host before it needs no delimiter. A frontend also stands before `<BADREQ>`.
        Some(Piece::Value { field: Field::Target, .. })
            if field.slot() == Some(Slot::Site) && field != Field::Frontend =>
        {
            return Ok(End::Slash);
        }
        Some(_) => return Err(FormatError::Adjacent { at }),
    };
    let first = text[0];
    if escaping.is_hard(first, shape) {
        return Ok(match escaping {
            Escaping::NginxJson | Escaping::Apache if first == b'"' => End::JsonQuote,
            _ if shape == Shape::Escaped => End::JsonQuote,
            Escaping::HaProxy if field == Field::Request && after.len() == 1 && text == b"\"" => {
                End::LastQuote
            }
            _ => End::Byte(first),
        });
    }
    if shape == Shape::Word && (first == b' ' || first == b'/' && escaping == Escaping::HaProxy) {
        return Ok(End::Byte(first));
    }
    if field == Field::ClientPort {
        return Ok(End::Byte(first));
    }
    let has_backslash = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains(&b'\\'));
    let limit = match escaping {
        Escaping::NginxDefault => Limit::Byte(b'"'),
        // Backslashes of the format itself would be taken for those of values.
        Escaping::NginxJson if !after.iter().any(has_backslash) => Limit::JsonQuote,
        // As in `%v:%p`: a port or an IPv6 address behind it holds a colon too.
        Escaping::Apache if shape == Shape::Word => Limit::Byte(b' '),
        _ => Limit::Nowhere,
    };
    Ok(anchored(after, escaping).unwrap_or(End::Search { from: first, limit, separators: 0 }))
}

/// The end of free text, if all between it and the next `"` has a fixed width.
fn anchored(after: &[Piece], escaping: Escaping) -> Option<End> {
    // Under escape=json a `"` inside the value has a backslash before it and is no anchor.
    if !matches!(escaping, Escaping::NginxDefault | Escaping::Apache) {
        return None;
    }
    let mut width = 0;
    for piece in after {
        match piece {
            Piece::Text(text) => {
                if let Some(hard) = text.iter().position(|byte| escaping.is_hard(*byte, Shape::Text)) {
                    let (byte, width) = (text[hard], width + hard);
                    return match escaping {
                        Escaping::Apache => (byte == b'"').then_some(End::BeforeQuote { width }),
                        _ => Some(End::Before { byte, width }),
                    };
                }
                width += text.len();
            }
            Piece::Value { field, .. } => width += field.width()?,
            Piece::Captures(_) => return None,
        }
    }
    None
}
