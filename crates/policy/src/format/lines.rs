//! Lines that are being written.

/// As wide as a line may be, if it can be helped.
pub(super) const WIDTH: usize = 100;

#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// What the next line of code begins with: the `- ` of the items that begin there.
    pending: String,
    /// An empty line comes before the next one.
    blank: bool,
}

struct Line {
    code: String,
    comment: Option<String>,
}

impl Lines {
    /// An empty line comes next, unless nothing does.
    pub fn blank(&mut self, blank: bool) {
        self.blank |= blank;
    }

    /// A line with a comment alone. It stands above an item that has begun and has no line yet.
    pub fn comment(&mut self, indent: usize, text: &str) {
        let indent = self.pending.find('-').unwrap_or(indent);
        self.push(format!("{:indent$}{text}", ""), None);
    }

    /// An item of a list, the rest of whose first line comes.
    pub fn item(&mut self, indent: usize) {
        if self.pending.is_empty() {
            self.pending = " ".repeat(indent);
        }
        self.pending.push_str("- ");
    }

    /// A line of code.
    pub fn code(&mut self, indent: usize, code: &str, comment: Option<String>) {
        let mut line = std::mem::take(&mut self.pending);
        if line.is_empty() {
            line = " ".repeat(indent);
        }
        line.push_str(code);
        self.push(line.trim_end().to_owned(), comment);
    }

    fn push(&mut self, code: String, comment: Option<String>) {
        if std::mem::take(&mut self.blank) && !self.lines.is_empty() {
            self.lines.push(Line {
                code: String::new(),
                comment: None,
            });
        }
        self.lines.push(Line { code, comment });
    }

    /// The text. Comments behind code stand below each other, where lines follow each other that have some.
    pub fn finish(self) -> String {
        let mut text = String::new();
        for run in self
            .lines
            .chunk_by(|a, b| a.comment.is_some() && b.comment.is_some())
        {
            let width = |line: &Line| line.code.chars().count();
            let widest = run.iter().map(width).max().unwrap_or_default();
            let of_comment = |line: &Line| {
                let comment = line.comment.as_ref();
                comment.map_or(0, |comment| comment.chars().count() + 2)
            };
            let aligned = run.iter().all(|line| widest + of_comment(line) <= WIDTH);
            for line in run {
                text.push_str(&line.code);
                if let Some(comment) = &line.comment {
                    let to = if aligned { widest } else { width(line) };
                    text.extend(std::iter::repeat_n(' ', to - width(line) + 2));
                    text.push_str(comment);
                }
                text.push('\n');
            }
        }
        text
    }
}
