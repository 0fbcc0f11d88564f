//! Client addresses, in canonical form. Looks up no names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::cursor::Cursor;
use crate::record::Client;

/// The dotted address next in the line, and its length.
#[inline(always)]
pub(crate) fn ipv4(cursor: &Cursor<'_>) -> Option<(Ipv4Addr, usize)> {
    // The longest, with what ends it, has sixteen bytes. Octets leave at the low end of the first word.
    let (mut low, mut high) = (cursor.word(), cursor.word_at(8));
    let (mut address, mut length, mut valid) = (0, 0, true);
    for part in 0..4 {
        let octet = Octet::read(low as u32);
        address = address << 8 | octet.value;
        length += octet.bits;
        valid &= octet.valid;
        if part < 3 {
            valid &= (low >> octet.bits) as u8 == b'.';
            length += 8;
            low = low >> (octet.bits + 8) | high << (56 - octet.bits);
            high >>= octet.bits + 8;
        }
    }
    valid.then_some((Ipv4Addr::from_bits(address), length as usize / 8))
}

/// The number at the low end of four bytes. Without branches, because lengths of octets are as good as random.
struct Octet {
    value: u32,
    /// Its length.
    bits: u32,
    /// It has one to three digits, and is below 256.
    valid: bool,
}

impl Octet {
    #[inline(always)]
    fn read(word: u32) -> Self {
        let digits = word ^ 0x3030_3030;
        let others = (((digits & 0x7f7f_7f7f) + 0x7676_7676) | digits) & 0x8080_8080;
        let bits = others.trailing_zeros() & 0x38;
        // Leading zeros fill up to three digits.
        let three = digits.wrapping_shl(32 - bits) >> 8;
        let value = (three & 0xff) * 100 + (three >> 8 & 0xff) * 10 + (three >> 16);
        // No server writes zeros in front, and some readers take such a number for octal.
        let zero_in_front = bits > 8 && digits & 0xff == 0;
        let valid = bits.wrapping_sub(8) <= 16 && value <= 255 && !zero_in_front;
        Self { value, bits, valid }
    }
}

/// A whole client field. `None` if it is neither an address, nor `unix:…`, nor a host name.
pub(crate) fn client(text: &[u8]) -> Option<Client<'_>> {
    if matches!(text, b"" | b"-") {
        return Some(Client::Unknown);
    }
    if let Some((address, length)) = ipv4(&Cursor::new(text))
        && length == text.len()
    {
        return Some(Client::Ip(IpAddr::V4(address)));
    }
    if text.contains(&b':') {
        return if text.starts_with(b"unix:") { Some(Client::Name(text)) } else { ipv6(text) };
    }
    is_host_name(text).then_some(Client::Name(text))
}

fn ipv6<'l>(text: &[u8]) -> Option<Client<'l>> {
    let text = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
    let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(Client::Ip(IpAddr::V6(address).to_canonical()))
}

fn is_host_name(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text.iter().all(allowed) && text.iter().any(u8::is_ascii_alphabetic)
}
