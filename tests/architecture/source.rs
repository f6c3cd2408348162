//! A source file, cut into words: enough of a lexer to tell code from prose.

use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::str::Chars;

/// One file of the crate, by its path from the crate's folder.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) lines: usize,
    pub(crate) words: Vec<Word>,
}

/// An identifier, a `::`, or one other sign. Comments are gone; a text or character literal is `""`.
#[derive(Debug, PartialEq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), lines: text.lines().count(), words: Lexer::new(text).words() }
    }

    /// Every `.rs` file under `folder`, in the order of its path.
    pub(crate) fn all_in(folder: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        collect(&root.join(folder), &mut files);
        files.sort();
        let read = |file: &PathBuf| {
            let path = file.strip_prefix(root).expect("lies in the crate");
            let text = std::fs::read_to_string(file).expect("is a readable source");
            Self::new(&path.to_string_lossy().replace('\\', "/"), &text)
        };
        files.iter().map(read).collect()
    }

    /// The module this file is: `src/span/outcome.rs` is `[span, outcome]`, `lib.rs` is `[]`.
    pub(crate) fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let parts = inner.split('/').map(str::to_owned);
        parts.filter(|part| part != "mod" && part != "lib").collect()
    }

    /// The text of the word at `index`; past the end it is empty.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| &word.text)
    }

    /// The line of the word at `index`; past the end it is the last one.
    pub(crate) fn line(&self, index: usize) -> usize {
        self.words.get(index).map_or(self.lines, |word| word.line)
    }

    /// Whether the words from `index` on are `wanted`, which parts them by blanks; `_` is any word.
    pub(crate) fn spells(&self, index: usize, wanted: &str) -> bool {
        let mut pairs = (index..).zip(wanted.split(' '));
        pairs.all(|(at, wanted)| wanted == "_" || self.word(at) == wanted)
    }

    /// Where the words are `wanted`, each time.
    pub(crate) fn find(&self, wanted: &str) -> impl Iterator<Item = usize> {
        (0..self.words.len()).filter(move |at| self.spells(*at, wanted))
    }

    /// The first place from `index` on where the word is `wanted`, else the end.
    pub(crate) fn next(&self, wanted: &str, index: usize) -> usize {
        let mut places = index..self.words.len();
        places.find(|at| self.word(*at) == wanted).unwrap_or(self.words.len())
    }

    /// The index of the sign that closes the bracket at `open`.
    pub(crate) fn closing(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for index in open..self.words.len() {
            match self.word(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.words.len()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("is a readable folder") {
        let path = entry.expect("is a readable entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.chars().peekable(), line: 1 }
    }

    fn words(mut self) -> Vec<Word> {
        let mut words = Vec::new();
        while let Some(sign) = self.next() {
            let line = self.line;
            let text = match sign {
                '/' if self.eat('/') => self.skip_line(),
                '/' if self.eat('*') => self.skip_block(),
                '"' => self.skip_text('"'),
                '\'' => self.quote(),
                ':' if self.eat(':') => Some("::".to_owned()),
                sign if is_name(sign) => self.name(sign),
                sign if sign.is_whitespace() => None,
                sign => Some(sign.to_string()),
            };
            words.extend(text.map(|text| Word { text, line }));
        }
        words
    }

    fn next(&mut self) -> Option<char> {
        let sign = self.rest.next();
        self.line += usize::from(sign == Some('\n'));
        sign
    }

    fn eat(&mut self, sign: char) -> bool {
        self.rest.next_if_eq(&sign).is_some()
    }

    fn skip_line(&mut self) -> Option<String> {
        while self.rest.next_if(|sign| *sign != '\n').is_some() {}
        None
    }

    fn skip_block(&mut self) -> Option<String> {
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                '*' if self.eat('/') => depth -= 1,
                '/' if self.eat('*') => depth += 1,
                _ => {}
            }
        }
        None
    }

    fn skip_text(&mut self, end: char) -> Option<String> {
        while let Some(sign) = self.next().filter(|sign| *sign != end) {
            if sign == '\\' {
                self.next();
            }
        }
        Some("\"\"".to_owned())
    }

    fn skip_raw_text(&mut self, hashes: usize) -> Option<String> {
        let mut seen = None;
        while seen != Some(hashes) {
            seen = match (self.next()?, seen) {
                ('"', _) => Some(0),
                ('#', Some(count)) => Some(count + 1),
                _ => None,
            };
        }
        Some("\"\"".to_owned())
    }

    /// `'a'` is a literal, `'a` a lifetime.
    fn quote(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        let (first, second) = (ahead.next()?, ahead.next());
        if first == '\\' || second == Some('\'') { self.skip_text('\'') } else { Some("'".to_owned()) }
    }

    fn name(&mut self, first: char) -> Option<String> {
        let mut name = first.to_string();
        while let Some(sign) = self.rest.next_if(|sign| is_name(*sign)) {
            name.push(sign);
        }
        match name.as_str() {
            "b" | "c" if self.eat('"') => self.skip_text('"'),
            "b" if self.eat('\'') => self.skip_text('\''),
            "r" | "br" | "cr" => {
                let hashes = self.rest.clone().take_while(|sign| *sign == '#').count();
                if self.rest.clone().nth(hashes) != Some('"') {
                    return Some(name);
                }
                self.rest.nth(hashes);
                self.skip_raw_text(hashes)
            }
            _ => Some(name),
        }
    }
}

fn is_name(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}
