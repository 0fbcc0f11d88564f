//! Field maps, for lines whose values have names and come in any order: which name means what. Reads no log line.
//!
//! `json VARIABLE=path …` or `ltsv VARIABLE=label …`, with spaces or commas between. A variable is one of nginx's, or one
//! of `meaning` below. A path is dotted, and a number in it counts the elements of a list; `a|b` takes `b` where `a` has
//! no value. Behind a path, `!` says that a line without it is a message of the server's own, and `?` that a plain `0`
//! there means that there is no value.

use crate::format::FormatError;
use crate::nginx;
use crate::step::{End, Field, Literal, Slot, Step};

/// Paths of a map, so that those met in a line are bits of a few words.
const MAX_PATHS: usize = 256;
/// Keys of a path: its nodes have an edge to each other, since `a.b` may also be one key.
const MAX_DEPTH: usize = 8;

/// How lines give names to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// One JSON object.
    Json,
    /// `label:value`, separated by tabs.
    Ltsv,
}

/// A compiled field map.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) syntax: Syntax,
    entries: Vec<Entry>,
    nodes: Vec<Node>,
    /// Paths of which each request has one at least.
    essential: Paths,
    /// Paths that each request has.
    required: Paths,
    /// Paths that tell whether an upstream was asked.
    upstream: Paths,
}

/// One path of a map.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) slot: Slot,
    /// Of several values for one slot the lowest stays.
    pub(crate) rank: u8,
    /// The value in nginx's form.
    pub(crate) step: Step,
    /// The value in forms that others write.
    pub(crate) odd: Option<Step>,
    pub(crate) zero_is_missing: bool,
    /// Somebody wants the value.
    pub(crate) kept: bool,
}

/// A place in a tree of paths.
pub(crate) type NodeId = u16;

/// Below it there is nothing in the map.
pub(crate) const NOWHERE: NodeId = 0;
/// The line itself.
pub(crate) const ROOT: NodeId = 1;

/// What is below some keys.
#[derive(Debug, Clone, Default)]
struct Node {
    /// The keys that lead on, in order of their length.
    children: Vec<(Box<[u8]>, NodeId)>,
    /// For each length, the first child that is not shorter.
    starts: Vec<u16>,
    entry: Option<u8>,
}

/// A set of paths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Paths([u64; MAX_PATHS / 64]);

impl Paths {
    /// Whether the path was not there yet.
    pub(crate) fn insert(&mut self, path: u8) -> bool {
        let (word, bit) = (&mut self.0[usize::from(path / 64)], 1 << (path % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn shares(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(word, other)| word & other != 0)
    }

    fn has_all(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(word, other)| word & other == other)
    }
}

/// Whether a format string is a field map.
pub(crate) fn is_map(text: &str) -> bool {
    split_syntax(text).is_some()
}

fn split_syntax(text: &str) -> Option<(Syntax, &str)> {
    let (word, pairs) = text.split_at_checked(4)?;
    let syntax = match word {
        "json" => Syntax::Json,
        "ltsv" => Syntax::Ltsv,
        _ => return None,
    };
    pairs.starts_with(|next: char| next.is_ascii_whitespace()).then_some((syntax, pairs))
}

fn is_between_pairs(next: char) -> bool {
    next.is_ascii_whitespace() || next == ','
}

/// Every pair of a field map with its place and meaning.
pub(crate) fn pairs(text: &str) -> Vec<(usize, &str, Option<Slot>)> {
    let start = split_syntax(text).map_or(text.len(), |(_, pairs)| text.len() - pairs.len());
    let mut at = start;
    let mut found = Vec::new();
    for pair in text[start..].split(is_between_pairs) {
        if let Some((variable, _)) = pair.split_once('=') {
            found.push((at, pair, meaning(variable).map(|meaning| meaning.slot)));
        }
        at += pair.len() + 1;
    }
    found
}

impl Map {
    /// Compiles a field map.
    pub(crate) fn compile(text: &str) -> Result<Self, FormatError> {
        let Some((syntax, pairs)) = split_syntax(text) else {
            return Err(FormatError::Unknown { text: text.to_owned() });
        };
        let nodes = vec![Node::default(), Node::default()];
        let (essential, required, upstream) = Default::default();
        let mut map = Self { syntax, entries: Vec::new(), nodes, essential, required, upstream };
        let mut names = vec![String::new(), String::new()];
        let mut ranks = Vec::new();
        let start = text.len() - pairs.len();
        let mut at = start;
        for pair in pairs.split(is_between_pairs) {
            if !pair.is_empty() {
                map.add_pair(pair, at, &mut names, &mut ranks)?;
            }
            at += pair.len() + 1;
        }
        if !map.slots().any(|slot| matches!(slot, Slot::Time | Slot::Start)) {
            return Err(FormatError::NoTime);
        }
        map.settle_ranks(&ranks);
        map.nodes.iter_mut().for_each(Node::settle);
        Ok(map)
    }

    /// `VARIABLE=path|path`, at byte `at` of the format string.
    fn add_pair(
        &mut self,
        pair: &str,
        at: usize,
        names: &mut Vec<String>,
        ranks: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let (variable, paths) = pair.split_once('=').ok_or(FormatError::MapPair { at })?;
        let Some(meaning) = meaning(variable) else {
            return Err(FormatError::MapVariable { at, name: variable.to_owned() });
        };
        let mut at = at + variable.len() + 1;
        for written in paths.split('|') {
            let path = written.trim_end_matches(['!', '?']);
            let marks = &written[path.len()..];
            if path.is_empty() || path.split('.').any(str::is_empty) {
                return Err(FormatError::MapPair { at });
            }
            let id = u8::try_from(self.entries.len()).map_err(|_| FormatError::MapTooLarge { at })?;
            self.add_path(path, id, at, names)?;
            if is_essential(meaning.slot) {
                self.essential.insert(id);
            }
            if matches!(meaning.slot, Slot::Server | Slot::Upstream) {
                self.upstream.insert(id);
            }
            if marks.contains('!') {
                self.required.insert(id);
            }
            self.entries.push(meaning.entry(marks.contains('?')));
            ranks.push(meaning.rank);
            at += written.len() + 1;
        }
        Ok(())
    }

    /// Grows the tree: an edge from each part of the path to each longer one.
    fn add_path(
        &mut self,
        path: &str,
        id: u8,
        at: usize,
        names: &mut Vec<String>,
    ) -> Result<(), FormatError> {
        let ends: Vec<usize> =
            path.match_indices('.').map(|(dot, _)| dot).chain(std::iter::once(path.len())).collect();
        if ends.len() > MAX_DEPTH {
            return Err(FormatError::MapTooLarge { at });
        }
        let mut parts: Vec<(NodeId, usize)> = vec![(ROOT, 0)];
        for end in ends {
            let node = self.node(&path[..end], names).ok_or(FormatError::MapTooLarge { at })?;
            for (from, start) in &parts {
                self.nodes[usize::from(*from)].add_child(&path.as_bytes()[*start..end], node);
            }
            parts.push((node, end + 1));
        }
        let (last, _) = parts[parts.len() - 1];
        match self.nodes[usize::from(last)].entry.replace(id) {
            None => Ok(()),
            Some(_) => Err(FormatError::MapRepeated { at, path: path.to_owned() }),
        }
    }

    /// The node of a part of a path. `None` if there are too many.
    fn node(&mut self, part: &str, names: &mut Vec<String>) -> Option<NodeId> {
        let known = names.iter().position(|name| name == part);
        let node = known.unwrap_or(names.len());
        if known.is_none() {
            names.push(part.to_owned());
            self.nodes.push(Node::default());
        }
        NodeId::try_from(node).ok()
    }

    /// Ranks by variable, then by place in the map.
    fn settle_ranks(&mut self, ranks: &[u8]) {
        for at in 0..self.entries.len() {
            let slot = self.entries[at].slot;
            let before = |other: &usize| {
                self.entries[*other].slot == slot && (ranks[*other], *other) < (ranks[at], at)
            };
            // Fewer than the paths of a map.
            self.entries[at].rank = (0..self.entries.len()).filter(before).count() as u8;
        }
    }

    /// Which fields of a record the map can fill.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.entries.iter().map(|entry| entry.slot)
    }

    /// Leaves out texts that are not `wanted`.
    pub(crate) fn keep_only(&mut self, wanted: impl Fn(Slot) -> bool) {
        for entry in &mut self.entries {
            entry.kept &= wanted(entry.slot);
        }
    }

    pub(crate) fn entry(&self, path: u8) -> &Entry {
        &self.entries[usize::from(path)]
    }

    /// The path that ends at a node.
    #[inline(always)]
    pub(crate) fn path(&self, node: NodeId) -> Option<u8> {
        self.nodes[usize::from(node)].entry
    }

    /// Where a key leads.
    #[inline(always)]
    pub(crate) fn child(&self, node: NodeId, key: &[u8]) -> NodeId {
        let node = &self.nodes[usize::from(node)];
        let Some([from, to]) = node.starts.get(key.len()..key.len() + 2) else { return NOWHERE };
        let same_length = &node.children[usize::from(*from)..usize::from(*to)];
        // Names of one length mostly differ in their last byte, which saves a call.
        let is_named = |name: &[u8]| name.last() == key.last() && name == key;
        same_length.iter().find(|(name, _)| is_named(name)).map_or(NOWHERE, |(_, child)| *child)
    }

    /// Whether a line in which these paths occur is a request, and not a message of the server's own.
    pub(crate) fn is_request(&self, met: &Paths) -> bool {
        met.shares(&self.essential) && met.has_all(&self.required)
    }

    /// Whether a line in which these paths occur says if an upstream was asked. A preset knows more paths than a log has.
    pub(crate) fn tells_upstream(&self, met: &Paths) -> bool {
        met.shares(&self.upstream)
    }
}

impl Node {
    fn add_child(&mut self, key: &[u8], child: NodeId) {
        if !self.children.contains(&(key.into(), child)) {
            self.children.push((key.into(), child));
        }
    }

    fn settle(&mut self) {
        self.children.sort_by_key(|(key, _)| key.len());
        let longest = self.children.last().map_or(0, |(key, _)| key.len());
        if !self.children.is_empty() {
            let shorter = |length| self.children.partition_point(|(key, _)| key.len() < length) as u16;
            self.starts = (0..=longest + 1).map(shorter).collect();
        }
    }
}

/// Without any of these a line is no request.
fn is_essential(slot: Slot) -> bool {
    matches!(slot, Slot::Client | Slot::Status | Slot::Request | Slot::Method | Slot::Target)
}

/// What a variable means.
#[derive(Debug, Clone, Copy)]
struct Meaning {
    slot: Slot,
    rank: u8,
    field: Field,
    odd: Option<Field>,
}

impl Meaning {
    fn entry(self, zero_is_missing: bool) -> Entry {
        // A value is cut out before it is read, so it ends where its text does.
        let step = |field| Step { field, end: End::Line, then: Literal::default(), at: 0 };
        let (step, odd) = (step(self.field), self.odd.map(step));
        Entry { slot: self.slot, rank: 0, step, odd, zero_is_missing, kept: true }
    }
}

/// nginx's variables, those with units that nginx does not write, and `start_` before what is a date. `None` if a
/// record keeps no such thing.
fn meaning(name: &str) -> Option<Meaning> {
    if let Some(date) = name.strip_prefix("start_") {
        let meaning = meaning(date).filter(|meaning| meaning.slot == Slot::Time)?;
        return Some(Meaning { slot: Slot::Start, ..meaning });
    }
    if let Some((slot, power)) = scaled(name) {
        return Some(Meaning { slot, rank: 0, field: Field::Scaled { slot, power }, odd: None });
    }
    let (field, rank, odd) = match name {
        "time" => (Field::AnyDate, 1, None),
        "retries" => (Field::Retries, 0, None),
        // Not a list of attempts, as in `upstream_addr`.
        "server" => (Field::ProxyServer, 0, None),
        "word" | "date_tab_time" | "elapsed_ms" | "processing_times" | "remote_addr_port" => return None,
        _ => {
            let (field, rank) = nginx::meaning(name);
            (field, rank, odd_form(field))
        }
    };
    Some(Meaning { slot: field.slot()?, rank, field, odd })
}

/// A number with its unit.
fn scaled(name: &str) -> Option<(Slot, i8)> {
    let (base, power) = match name.rsplit_once('_') {
        Some((base, "ms")) => (base, 3),
        Some((base, "us")) => (base, 0),
        Some((base, "ns")) => (base, -3),
        // nginx's own variables in seconds have readers of their own.
        _ => match name {
            "msec" | "upstream_queue_time" => (name, 6),
            _ => return None,
        },
    };
    let slot = match base {
        "request_time" => Slot::Latency,
        "upstream_response_time" => Slot::Upstream,
        "upstream_queue_time" => Slot::Queue,
        "upstream_connect_time" => Slot::Connect,
        "upstream_header_time" => Slot::Response,
        "time" | "msec" => Slot::Time,
        _ => return None,
    };
    Some((slot, power))
}

/// How others write what nginx writes in the form of `field`.
fn odd_form(field: Field) -> Option<Field> {
    Some(match field {
        Field::ClfDate | Field::IsoDate | Field::Rfc3339 => Field::AnyDate,
        Field::Status => Field::ProxyStatus,
        Field::Bytes => Field::Scaled { slot: Slot::Bytes, power: 0 },
        Field::RequestTime => Field::Scaled { slot: Slot::Latency, power: 6 },
        Field::UpstreamTimes => Field::Scaled { slot: Slot::Upstream, power: 6 },
        Field::ConnectTimes => Field::Scaled { slot: Slot::Connect, power: 6 },
        Field::HeaderTimes => Field::Scaled { slot: Slot::Response, power: 6 },
        _ => return None,
    })
}
