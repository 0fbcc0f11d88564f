//! Distinct clients: a HyperLogLog of 4,096 registers. Merging takes the larger register, so it is exact and
//! order-free; the estimate has a relative standard error of 1.6 %.
//!
//! The estimator is the improved one of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (2017), which needs neither bias tables nor a switch for small counts.

use std::net::IpAddr;
use xxhash_rust::xxh3::xxh3_64;

const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash that the rank is taken from.
const RANK_BITS: u32 = 64 - INDEX_BITS;
/// The rank of a hash whose bits after the index are all 0.
const MAX_RANK: u8 = RANK_BITS as u8 + 1;
/// Above this many used registers a dense array is smaller than a list.
const SPARSE_LIMIT: usize = 1024;

/// Relative standard error of [`Sketch::estimate`].
pub const STANDARD_ERROR: f64 = 0.016_25;

/// A register and the rank that a client gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Register {
    pub index: u16,
    pub rank: u8,
}

impl Register {
    /// The register of an address. The hash is fixed, so that sketches of different machines merge.
    #[inline]
    pub fn of_ip(ip: IpAddr) -> Self {
        let bits = match ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        Self::of_hash(xxh3_64(&bits))
    }

    /// The register of a client that is no address.
    pub fn of_name(name: &[u8]) -> Self {
        Self::of_hash(xxh3_64(name))
    }

    #[inline]
    fn of_hash(hash: u64) -> Self {
        let rest = hash << INDEX_BITS | 1 << (INDEX_BITS - 1);
        Self { index: (hash >> RANK_BITS) as u16, rank: rest.leading_zeros() as u8 + 1 }
    }
}

/// The registers of a dense sketch, for counting many clients fast.
pub type Dense = [u8; REGISTERS];

/// An empty dense sketch.
pub const fn dense() -> Dense {
    [0; REGISTERS]
}

/// Distinct clients of one series or of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sketch {
    /// (register, rank), ascending by register.
    #[doc(hidden)]
    Sparse(Vec<(u16, u8)>),
    #[doc(hidden)]
    Dense(Box<Dense>),
}

impl Default for Sketch {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

impl Sketch {
    pub(super) const REGISTERS: usize = REGISTERS;
    pub(super) const SPARSE_LIMIT: usize = SPARSE_LIMIT;

    /// The sketch of these ranks, if they can be one's: more than a list would hold, none too high.
    pub(super) fn of_ranks(ranks: &[u8]) -> Option<Self> {
        let ranks: Box<Dense> = Box::new(ranks.try_into().ok()?);
        let sketch = Self::from_dense(ranks);
        match &sketch {
            Self::Dense(ranks) if ranks.iter().all(|rank| *rank <= MAX_RANK) => Some(sketch),
            _ => None,
        }
    }

    /// The sketch of these registers, if they can be one's: ascending, no more than a list holds, none too high.
    pub(super) fn of_list(list: Vec<(u16, u8)>) -> Option<Self> {
        let ascending = list.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let known =
            |&(index, rank): &(u16, u8)| usize::from(index) < REGISTERS && (1..=MAX_RANK).contains(&rank);
        (ascending && list.len() <= SPARSE_LIMIT && list.iter().all(known)).then_some(Self::Sparse(list))
    }

    /// Adds a client.
    pub fn add(&mut self, register: Register) {
        match self {
            Self::Dense(ranks) => raise(&mut ranks[register.index as usize], register.rank),
            Self::Sparse(list) => {
                match list.binary_search_by_key(&register.index, |(index, _)| *index) {
                    Ok(at) => raise(&mut list[at].1, register.rank),
                    Err(at) => list.insert(at, (register.index, register.rank)),
                }
                if list.len() > SPARSE_LIMIT {
                    *self = Self::Dense(self.to_dense());
                }
            }
        }
    }

    /// Adds all clients of a dense sketch.
    pub fn merge_dense(&mut self, other: &Dense) {
        let used = other.iter().filter(|rank| **rank > 0).count();
        if let (Self::Sparse(list), true) = (&*self, used > SPARSE_LIMIT / 2) {
            // One pass beats many insertions; what has few registers still ends as a list.
            let mut ranks = Sketch::Sparse(list.clone()).to_dense();
            raise_all(&mut ranks, other);
            *self = Self::from_dense(ranks);
            return;
        }
        match self {
            Self::Dense(ranks) => raise_all(ranks, other),
            Self::Sparse(_) => {
                for (index, &rank) in other.iter().enumerate().filter(|(_, rank)| **rank > 0) {
                    self.add(Register { index: index as u16, rank });
                }
            }
        }
    }

    /// Adds all clients of another sketch.
    pub fn merge(&mut self, other: &Self) {
        match other {
            Self::Dense(ranks) => self.merge_dense(ranks),
            Self::Sparse(list) => list.iter().for_each(|&(index, rank)| self.add(Register { index, rank })),
        }
    }

    /// How many distinct clients, about.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, rounded")]
    pub fn estimate(&self) -> u64 {
        let mut of_rank = [0u32; RANK_BITS as usize + 2];
        match self {
            Self::Dense(ranks) => ranks.iter().for_each(|rank| of_rank[*rank as usize] += 1),
            Self::Sparse(list) => {
                of_rank[0] = (REGISTERS - list.len()) as u32;
                list.iter().for_each(|(_, rank)| of_rank[*rank as usize] += 1);
            }
        }
        estimate(&of_rank).round() as u64
    }

    /// The stored form: used registers as (index, rank), three bytes each, little-endian, ascending. Equal sets of
    /// clients give equal bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = |index: u16, rank: u8| [index.to_le_bytes()[0], index.to_le_bytes()[1], rank];
        match self {
            Self::Sparse(list) => list.iter().flat_map(|&(index, rank)| entry(index, rank)).collect(),
            Self::Dense(ranks) => {
                let used = (0u16..).zip(ranks.iter()).filter(|(_, rank)| **rank > 0);
                used.flat_map(|(index, &rank)| entry(index, rank)).collect()
            }
        }
    }

    fn to_dense(&self) -> Box<Dense> {
        match self {
            Self::Dense(ranks) => ranks.clone(),
            Self::Sparse(list) => {
                let mut ranks = Box::new(dense());
                list.iter().for_each(|&(index, rank)| ranks[index as usize] = rank);
                ranks
            }
        }
    }

    fn from_dense(ranks: Box<Dense>) -> Self {
        if ranks.iter().filter(|rank| **rank > 0).count() > SPARSE_LIMIT {
            return Self::Dense(ranks);
        }
        let used = (0u16..).zip(ranks.iter().copied()).filter(|(_, rank)| *rank > 0);
        Self::Sparse(used.collect())
    }
}

#[inline]
pub fn raise(rank: &mut u8, to: u8) {
    *rank = (*rank).max(to);
}

fn raise_all(ranks: &mut Dense, others: &Dense) {
    ranks.iter_mut().zip(others).for_each(|(rank, other)| raise(rank, *other));
}

fn estimate(of_rank: &[u32; RANK_BITS as usize + 2]) -> f64 {
    let m = REGISTERS as f64;
    let last = of_rank.len() - 1;
    let mut z = m * tau(1.0 - f64::from(of_rank[last]) / m);
    for count in of_rank[1..last].iter().rev() {
        z = 0.5 * (z + f64::from(*count));
    }
    z += m * sigma(f64::from(of_rank[0]) / m);
    m * m / (2.0 * std::f64::consts::LN_2 * z)
}

/// Ertl's σ, the share of registers never touched.
fn sigma(mut x: f64) -> f64 {
    let (mut y, mut z) = (1.0, x);
    if x >= 1.0 {
        return f64::INFINITY;
    }
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

/// Ertl's τ, for registers that are full.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn sketch_of(clients: impl IntoIterator<Item = u32>) -> Sketch {
        let mut sketch = Sketch::default();
        clients.into_iter().for_each(|n| sketch.add(Register::of_ip(Ipv4Addr::from_bits(n).into())));
        sketch
    }

    #[test]
    fn the_error_is_what_it_is_said_to_be() {
        for n in [1u32, 10, 100, 1000, 5000, 20_000, 200_000] {
            let runs = 40;
            let square: f64 = (0..runs)
                .map(|run| {
                    let estimate =
                        sketch_of((0..n).map(|i| i.wrapping_mul(7) + run * 100_000_007)).estimate();
                    (estimate as f64 / f64::from(n) - 1.0).powi(2)
                })
                .sum();
            let error = (square / f64::from(runs)).sqrt();
            assert!(error < STANDARD_ERROR * 1.35, "{n} clients: standard error {error}");
        }
    }

    #[test]
    fn few_clients_are_counted_exactly() {
        for n in 0..40 {
            assert_eq!(sketch_of(0..n).estimate(), u64::from(n));
        }
    }

    proptest! {
        #[test]
        fn merging_is_the_sketch_of_all(a in prop::collection::vec(any::<u32>(), 0..3000), b in prop::collection::vec(any::<u32>(), 0..3000)) {
            let whole = sketch_of(a.iter().chain(&b).copied());
            let (a, b) = (sketch_of(a), sketch_of(b));
            let (mut ab, mut ba) = (a.clone(), b.clone());
            ab.merge(&b);
            ba.merge(&a);
            prop_assert_eq!(ab.to_bytes(), whole.to_bytes());
            prop_assert_eq!(&ab, &whole);
            prop_assert_eq!(ba, whole);
        }

        #[test]
        fn a_mapped_address_is_its_ipv4_address(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let mapped: Ipv6Addr = v4.to_ipv6_mapped();
            prop_assert_eq!(Register::of_ip(v4.into()), Register::of_ip(mapped.into()));
        }
    }
}
