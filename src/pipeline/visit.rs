//! Shows every line of a source to whoever wants to see it, one after another, with what it is. Adds nothing up.

use super::lines::{self, At, Choice};
use super::{Prepared, PreparedFile};
use crate::source::{Block, Input, Limits, Progress, ReadError, open};
use logstat_parsers::{Format, Line};

/// A line as it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'b> {
    /// Place of its file among the prepared ones.
    pub file: usize,
    /// From 1.
    pub number: u64,
    /// Place of its first byte in the uncompressed log.
    pub offset: u64,
    #[expect(missing_docs)]
    pub bytes: &'b [u8],
}

/// Shows the lines of the files that are not left out, until `show` says that it has seen enough. Gives what could not be
/// read.
pub fn visit(
    source: &Prepared,
    progress: &Progress,
    folded: &mut dyn FnMut(),
    show: &mut dyn FnMut(&Seen<'_>, &Line<'_>) -> bool,
) -> Vec<ReadError> {
    let others = if source.formats.open { source.formats.others() } else { Vec::new() };
    let mut visitor = Visitor { source, others, show, more: true, errors: Vec::new() };
    for (at, file) in source.files.iter().enumerate().filter(|(_, file)| file.skip.is_none()) {
        match open(&file.file, &Limits::default(), progress) {
            Ok(input) => visitor.file(at, file, input, folded),
            Err(error) => visitor.errors.push(error),
        }
    }
    visitor.errors
}

struct Visitor<'a, 's> {
    source: &'a Prepared,
    others: Vec<Format>,
    show: &'s mut dyn FnMut(&Seen<'_>, &Line<'_>) -> bool,
    more: bool,
    errors: Vec<ReadError>,
}

impl Visitor<'_, '_> {
    fn file(&mut self, at: usize, file: &PreparedFile, input: Input, folded: &mut dyn FnMut()) {
        let mut lines_before = 0;
        match input {
            Input::Plain(plain) => {
                let mut buffer = Vec::new();
                for index in 0..plain.blocks() {
                    match plain.read_block(index, &mut buffer) {
                        Ok(block) => lines_before += self.block(at, file, &block, lines_before),
                        Err(error) => self.errors.push(error),
                    }
                    folded();
                    if !self.more {
                        return;
                    }
                }
            }
            Input::Stream(stream) => {
                for block in stream {
                    match block {
                        Ok(block) => lines_before += self.block(at, file, &block.block(), lines_before),
                        Err(error) => self.errors.push(error),
                    }
                    folded();
                    if !self.more {
                        return;
                    }
                }
            }
        }
    }

    /// Shows a block's lines; gives how many they are.
    fn block(&mut self, file: usize, prepared: &PreparedFile, block: &Block<'_>, lines_before: u64) -> u64 {
        let choice = Choice { known: &self.source.formats.list, own: prepared.format, others: &self.others };
        let mut lines = 0;
        lines::each(block, choice, prepared.reference_us, |at: &At<'_>, parsed| {
            lines += 1;
            if self.more {
                let number = lines_before + at.number + 1;
                self.more = (self.show)(&Seen { file, number, offset: at.offset, bytes: at.bytes }, parsed);
            }
        });
        lines
    }
}
