//! What a picture has across: stretches side by side, each with its name. Knows neither pixels nor values.

/// The axis across. Its numbers are Unix seconds where it is one of time.
pub(super) trait Across {
    /// How many stretches there are.
    fn columns(&self) -> usize;

    /// Start and end of one.
    fn span(&self, column: usize) -> (i64, i64);

    /// Start and end of the axis.
    fn ends(&self) -> (i64, i64);

    /// What one is called.
    fn label(&self, column: usize) -> String;

    /// What stands beside the title of every picture, such as the zone of the labels.
    fn note(&self) -> &str;

    /// At most `most` marks or a few more.
    fn ticks(&self, most: usize) -> Vec<Tick>;
}

/// A mark on the axis. `below` is its second line, set where it differs from the mark before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) at: i64,
    pub(super) label: String,
    pub(super) below: Option<String>,
}
