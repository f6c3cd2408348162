use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Where lines are written: a file, or any writer.
pub(super) struct Output {
    to: Box<dyn Write + Send>,
    /// Of a file, which can be opened again.
    path: Option<PathBuf>,
    /// The last line that was written is not complete.
    is_torn: bool,
}

impl Output {
    pub(super) fn to_writer(writer: impl Write + Send + 'static) -> Self {
        Self { to: Box::new(writer), path: None, is_torn: false }
    }

    pub(super) fn to_file(path: &Path) -> io::Result<Self> {
        // With `O_APPEND`, each write is at the end as it is at that time, also after the file was truncated.
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let is_torn =
            file.metadata().is_ok_and(|it| it.is_file() && it.len() > 0) && ends_in_half_a_line(path);
        // The working directory may change before the file is opened again.
        Ok(Self { to: Box::new(file), path: Some(std::path::absolute(path)?), is_torn })
    }

    /// Opens the file again, if this is one. On an error, the old file is kept.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let explain = |error: io::Error| {
            let text = format!("cannot open {} again: {error}", path.display());
            io::Error::new(error.kind(), text)
        };
        *self = Self::to_file(path).map_err(explain)?;
        Ok(())
    }

    /// Writes whole lines. If it fails, the last one may be there in part.
    pub(super) fn write(&mut self, lines: &mut String) -> io::Result<()> {
        if self.is_torn {
            // Ends the half line, which would otherwise spoil the next one.
            lines.insert(0, '\n');
        }
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            let count = match self.to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.is_torn = rest[count - 1] != b'\n';
            rest = &rest[count..];
        }
        // A writer that buffers may fail now, in the middle of any line.
        self.to.flush().inspect_err(|_| self.is_torn = true)
    }
}

/// Returns whether the last byte of a file is no line feed, as a crash or a full disk leaves it. If the file may not be read, an
/// empty line is better than a line that is spoiled.
fn ends_in_half_a_line(path: &Path) -> bool {
    let last_byte = || {
        let (mut file, mut last) = (File::open(path)?, [0]);
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        io::Result::Ok(last)
    };
    last_byte().map_or(true, |last| last != *b"\n")
}
