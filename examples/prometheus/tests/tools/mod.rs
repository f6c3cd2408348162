//! The service and the programs that look at it, as processes of their own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take. Only a failure takes that long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Says so if a program is not installed: what it would have shown is not tested.
pub(crate) fn missing(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_missing = asked.is_err();
    if is_missing {
        eprintln!("NOT TESTED: {program} is not installed (Debian's package `prometheus` has it)");
    }
    is_missing
}

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free and not handed out again. Below those that the system gives to connections: one of theirs may be
/// taken by whoever asks something next. Asked by a connection and not by listening there: a process that another test
/// starts in that moment would hold the listener until it runs its own program.
fn free() -> SocketAddr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id();
    let address = |offset: u32| SocketAddr::from(([127, 0, 0, 1], 20_000 + (offset % 10_000) as u16));
    (0..10_000)
        .map(|_| address(begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed))))
        .find(|address| TcpStream::connect(address).is_err())
        .expect("a free port")
}

/// Asks until there is an answer.
fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(last) => assert!(begun.elapsed() < DEADLINE, "{what}: still {last}"),
        }
        sleep(Duration::from_millis(50));
    }
}

fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    if head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200") {
        Ok(body.to_owned())
    } else {
        Err(head.to_owned() + body)
    }
}

/// The example.
pub(crate) struct Service {
    address: SocketAddr,
    _process: Running,
}

impl Service {
    pub(crate) fn start() -> Self {
        let address = free();
        let mut command = Command::new(env!("CARGO_BIN_EXE_allm-telemetry-prometheus"));
        let mut child = command.arg(address.to_string()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut said = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        let process = Running(child);
        BufReader::new(stdout).read_line(&mut said).expect("it speaks");
        assert!(said.contains("/metrics"), "{said}");
        Self { address, _process: process }
    }

    /// The page, once it is as wanted.
    pub(crate) fn page_with(&self, wanted: impl Fn(&String) -> bool) -> String {
        until("the page", || {
            let page = get(self.address, "/metrics")?;
            if wanted(&page) { Ok(page) } else { Err(page) }
        })
    }
}

/// What `promtool check metrics` says against a page.
pub(crate) fn promtool_check(page: &str) -> Result<(), String> {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool starts");
    child.stdin.take().expect("it is piped").write_all(page.as_bytes()).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if output.status.success() && said.is_empty() { Ok(()) } else { Err(said) }
}

/// A Prometheus that scrapes the service.
pub(crate) struct Prometheus {
    address: SocketAddr,
    folder: PathBuf,
    process: Option<Running>,
}

impl Prometheus {
    pub(crate) fn scraping(service: &Service) -> Self {
        let address = free();
        let folder =
            std::env::temp_dir().join(format!("prometheus-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = folder.join("prometheus.yml");
        let job = format!("[{{job_name: llm, static_configs: [{{targets: ['{}']}}]}}]", service.address);
        let text =
            format!("global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs: {job}\n");
        std::fs::write(&config, text).expect("a file");
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error");
        let process = Running(command.spawn().expect("prometheus starts"));
        Self { address, folder, process: Some(process) }
    }

    /// Asks until the one value of the answer is as wanted.
    pub(crate) fn until(&self, query: &str, wanted: impl Fn(f64) -> bool) {
        let escape = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        let path = format!("/api/v1/query?query={}", query.bytes().map(escape).collect::<String>());
        until(query, || {
            let answer = get(self.address, &path)?;
            let json: serde_json::Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
            let value = json["data"]["result"][0]["value"][1].as_str().and_then(|text| text.parse().ok());
            if value.is_some_and(&wanted) { Ok(()) } else { Err(answer) }
        });
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It writes there until it is gone.
        drop(self.process.take());
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
