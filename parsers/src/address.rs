//! Client addresses, in canonical form. Looks up no names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::cursor::{Cursor, ZEROS};
use crate::record::Client;

/// The dotted address next in the line, and its length.
#[inline(always)]
pub(crate) fn ipv4(cursor: &Cursor<'_>) -> Option<(Ipv4Addr, usize)> {
    // The longest, with what ends it, has sixteen bytes. Octets leave at the low end of the first word.
    dotted(cursor.word(), cursor.word_at(8))
}

/// The same, if the end of the line is not near.
#[inline(always)]
pub(crate) fn near_ipv4(cursor: &Cursor<'_>) -> Option<(Ipv4Addr, usize)> {
    let bytes = u128::from_le_bytes(*cursor.rest().first_chunk()?);
    dotted(bytes as u64, (bytes >> 64) as u64)
}

#[inline(always)]
fn dotted(low: u64, high: u64) -> Option<(Ipv4Addr, usize)> {
    let (mut low, mut high) = (low ^ ZEROS, high ^ ZEROS);
    let (mut address, mut length, mut wrong) = (0, 0, 0);
    for part in 0..4 {
        let octet = Octet::read(low as u32);
        address = address << 8 | octet.value;
        length += octet.bits;
        wrong |= octet.wrong;
        if part < 3 {
            wrong |= (low >> octet.bits) as u32 & 0xff ^ u32::from(b'.' ^ b'0');
            length += 8;
            low = low >> (octet.bits + 8) | high << (56 - octet.bits);
            high >>= octet.bits + 8;
        }
    }
    (wrong == 0).then_some((Ipv4Addr::from_bits(address), length as usize / 8))
}

/// The number at the low end of four bytes. Without branches, because lengths of octets are as good as random.
struct Octet {
    value: u32,
    /// Its length.
    bits: u32,
    /// Zero if it is a number below 256 without zeros in front: no server writes those, and some readers take such a
    /// number for octal.
    wrong: u32,
}

impl Octet {
    /// `digits` are bytes less `0`.
    #[inline(always)]
    fn read(digits: u32) -> Self {
        // The sum carries only into bytes behind the first that is no digit.
        let others = (digits.wrapping_add(0x7676_7676) | digits) & 0x8080_8080 | 1 << 31;
        let length = others.trailing_zeros() / 8;
        let text = digits.wrapping_shl(32 - 8 * length);
        // Hundreds, tens and ones meet in the third byte.
        let value = (text >> 8).wrapping_mul(1 | 10 << 8 | 100 << 16) >> 16 & 0xff;
        Self { value, bits: 8 * length, wrong: OCTETS[value as usize] ^ (text | length) }
    }
}

/// How each octet is written: its length in the lowest byte, its digits in the highest ones.
const OCTETS: [u32; 256] = {
    let mut octets = [0; 256];
    let mut value = 0;
    while value < 256 {
        let (hundreds, tens, ones) = (value / 100, value / 10 % 10, value % 10);
        let length = 1 + (value > 9) as u32 + (value > 99) as u32;
        octets[value as usize] = length | hundreds << 8 | tens << 16 | ones << 24;
        value += 1;
    }
    octets
};

/// A whole client field. `None` if it is neither an address, nor `unix:…`, nor a host name.
pub(crate) fn client(text: &[u8]) -> Option<Client<'_>> {
    if matches!(text, b"" | b"-") {
        return Some(Client::Unknown);
    }
    if text.contains(&b':') {
        return if text.starts_with(b"unix:") { Some(Client::Name(text)) } else { bracketed_ipv6(text) };
    }
    if let Some((address, length)) = ipv4(&Cursor::new(text))
        && length == text.len()
    {
        return Some(Client::Ip(IpAddr::V4(address)));
    }
    is_host_name(text).then_some(Client::Name(text))
}

/// An address that HAProxy wrote with the flag `X`: its bytes in hexadecimal digits. `-` is none.
pub(crate) fn hex_client(text: &[u8]) -> Option<Client<'_>> {
    if matches!(text, b"" | b"-") {
        return Some(Client::Unknown);
    }
    if !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let digits = str::from_utf8(text).ok()?;
    let address = match digits.len() {
        8 => IpAddr::V4(Ipv4Addr::from_bits(u32::from_str_radix(digits, 16).ok()?)),
        32 => IpAddr::V6(Ipv6Addr::from_bits(u128::from_str_radix(digits, 16).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(Client::Ip(address))
}

fn bracketed_ipv6<'l>(text: &[u8]) -> Option<Client<'l>> {
    let text = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
    Some(Client::Ip(IpAddr::V6(ipv6(text)?).to_canonical()))
}

/// An IPv6 address as RFC 4291 writes it, with `::` and an embedded IPv4 address.
fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    let (mut groups, mut count, mut gap) = ([0; 8], 0, None);
    let mut rest = text;
    if let Some(after) = rest.strip_prefix(b"::") {
        (gap, rest) = (Some(0), after);
    }
    while !rest.is_empty() || gap != Some(count) {
        let (group, length) = hex_group(rest);
        let after = &rest[length..];
        if after.first() == Some(&b'.') {
            groups.get_mut(count..count + 2)?.copy_from_slice(&embedded_ipv4(rest)?);
            count += 2;
            break;
        }
        *groups.get_mut(count).filter(|_| length > 0)? = group;
        count += 1;
        rest = match after {
            [] => break,
            [b':', b':', after @ ..] if gap.is_none() => {
                gap = Some(count);
                after
            }
            [b':', after @ ..] => after,
            _ => return None,
        };
    }
    spread(groups, count, gap).map(Ipv6Addr::from)
}

/// Up to four hexadecimal digits, and how many.
#[inline]
fn hex_group(text: &[u8]) -> (u16, usize) {
    let mut group = 0;
    for (length, byte) in text.iter().take(4).enumerate() {
        let Some(digit) = HEX_DIGITS.get(usize::from(*byte)).filter(|digit| **digit < 16) else {
            return (group, length);
        };
        group = group << 4 | u16::from(*digit);
    }
    (group, text.len().min(4))
}

/// The value of every hexadecimal digit, 16 for any other byte.
const HEX_DIGITS: [u8; 256] = {
    let mut digits = [16; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// The last two groups, written as an IPv4 address.
fn embedded_ipv4(text: &[u8]) -> Option<[u16; 2]> {
    let (address, _) = ipv4(&Cursor::new(text)).filter(|(_, length)| *length == text.len())?;
    let [a, b, c, d] = address.octets().map(u16::from);
    Some([a << 8 | b, c << 8 | d])
}

/// Puts the groups behind `::`, which stands for one at least, to the end.
fn spread(mut groups: [u16; 8], count: usize, gap: Option<usize>) -> Option<[u16; 8]> {
    match gap {
        None => (count == 8).then_some(groups),
        Some(gap) if count < 8 => {
            let missing = 8 - count;
            groups.copy_within(gap..count, gap + missing);
            groups[gap..gap + missing].fill(0);
            Some(groups)
        }
        Some(_) => None,
    }
}

fn is_host_name(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.iter().all(allowed) && text.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::{Cursor, ipv4, ipv6};

    /// The standard library takes no zone, no port and no leading zeros of octets either.
    fn by_standard_library(text: &str) -> Option<Ipv6Addr> {
        text.parse().ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn ipv6_reads_what_the_standard_library_reads(text in prop_oneof![
            any::<Ipv6Addr>().prop_map(|address| address.to_string()),
            any::<Ipv4Addr>().prop_map(|address| address.to_ipv6_mapped().to_string()),
            any::<[u8; 16]>().prop_map(|bytes| {
                Ipv6Addr::from(bytes.map(|byte| if byte < 160 { 0 } else { byte })).to_string()
            }),
            "(([0-9a-fA-F]{0,5}|::|25[0-7]\\.0\\.0?1\\.9)[:.]{0,2}){0,9}",
            "(::)?([0-9a-f]{1,4}:){0,8}(:)?([0-9a-f]{1,4}:){0,4}([0-9.]{1,12}|[0-9a-f]{1,4})?",
            "[0-9a-gA-G:.%]{0,45}",
        ]) {
            prop_assert_eq!(ipv6(text.as_bytes()), by_standard_library(&text));
        }

        #[test]
        fn ipv4_reads_what_the_standard_library_reads(
            text in prop_oneof![
                any::<Ipv4Addr>().prop_map(|address| address.to_string()),
                "([0-3]?[0-9]{0,3}[.]){3}[0-2]?[0-9]{1,3}",
                "[0-9.]{0,17}",
            ],
            after in "[ :,x\u{e9}\u{b0}]?.{0,20}",
        ) {
            let line = format!("{text}{after}");
            if let Some((address, length)) = ipv4(&Cursor::new(line.as_bytes())) {
                prop_assert_eq!(line[..length].parse().ok(), Some(address));
            }
            let separate = !after.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            if separate && let Ok(IpAddr::V4(address)) = text.parse() {
                prop_assert_eq!(ipv4(&Cursor::new(line.as_bytes())), Some((address, text.len())));
            }
        }
    }
}
