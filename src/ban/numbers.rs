//! Whole numbers in as few bytes as they need: seven bits a byte, the lowest first. Knows nothing of what they count.

/// Appends a number, 1 to 10 bytes.
pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a distance, small whether it is forth or back.
pub(super) fn write_distance(distance: i64, out: &mut Vec<u8>) {
    write_number((distance << 1 ^ distance >> 63).cast_unsigned(), out);
}

/// Takes a number from the start of the bytes; nothing if they end before it does, or it is too large.
pub(super) fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.split_off_first()?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Takes a distance from the start of the bytes.
pub(super) fn read_distance(bytes: &mut &[u8]) -> Option<i64> {
    let number = read_number(bytes)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_numbers_are_short() {
        for (number, length) in [(0, 1), (127, 1), (128, 2), (u64::MAX, 10)] {
            let mut bytes = Vec::new();
            write_number(number, &mut bytes);
            assert_eq!(bytes.len(), length, "{number}");
        }
        let mut bytes = Vec::new();
        [-64, 63].into_iter().for_each(|distance| write_distance(distance, &mut bytes));
        assert_eq!(bytes, [127, 126]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<u64>(), distance in any::<i64>(), shift in 0..64) {
            let (number, distance) = (number >> shift, distance >> shift);
            let mut bytes = Vec::new();
            write_number(number, &mut bytes);
            write_distance(distance, &mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(read_number(&mut rest), Some(number));
            prop_assert_eq!(read_distance(&mut rest), Some(distance));
            prop_assert!(rest.is_empty());
            prop_assert_eq!(read_number(&mut &bytes[..0]), None);
        }

        #[test]
        fn any_bytes_are_a_number_or_none(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            if let Some(number) = read_number(&mut rest) {
                prop_assert!(bytes.len() > rest.len());
                prop_assert!(number < 128 || bytes.len() - rest.len() > 1);
            }
        }
    }
}
