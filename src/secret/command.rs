//! Secrets from a program: a password manager's or a vault's client.

use crate::base::limits;
use crate::base::secret::Secret;
use crate::error::{Error, Result, code};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Runs the program (no shell) and takes the first line that it prints.
pub async fn resolve(argv: &[String]) -> Result<Secret> {
    run(argv, limits::SECRET_COMMAND_WAIT).await
}

async fn run(argv: &[String], wait: Duration) -> Result<Secret> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Error::bug("a secret command without a program"));
    };
    let failed = |what: String| Error::new(code::SECRET_MISSING, what);
    // the arguments are not repeated: people put tokens there
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            failed(format!("the secret command {program} cannot be started"))
                .cause(error.to_string())
                .fix(format!("check that {program} is installed and in the PATH of the user who runs dbb"))
        })?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::bug("a child process without its pipes"));
    };
    let whole = async {
        let output = bounded(stdout, limits::SECRET_BYTES_MAX as usize);
        let words = bounded(stderr, limits::CHILD_STDERR_BYTES_MAX);
        let (output, words) = tokio::join!(output, words);
        (child.wait().await, output, words)
    };
    let Ok((status, output, words)) = tokio::time::timeout(wait, whole).await else {
        let limit = crate::base::units::duration(wait);
        return Err(failed(format!("the secret command {program} did not end within {limit}"))
            .fix(format!("run {program} by hand as the user who runs dbb: does it wait for an answer?")));
    };
    let said = last_words(&words.0);
    let status = status.map_err(|error| {
        failed(format!("the secret command {program} cannot be waited for")).cause(error.to_string())
    })?;
    if !status.success() {
        let error = failed(format!("the secret command {program} failed: {status}"));
        let error = if said.is_empty() { error } else { error.cause(format!("{program} says: {said}")) };
        return Err(error.fix(format!("run {program} by hand as the user who runs dbb")));
    }
    if output.1 {
        return Err(failed(format!("the secret command {program} prints more than a secret"))
            .fix("let it print the secret as its first line"));
    }
    let mut bytes = output.0;
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes.truncate(end);
    }
    super::one_line(bytes, &format!("the first line that {program} prints"))
}

/// What the stream holds up to a limit, and whether there was more. It is read to its end, so that
/// the child does not wait for us.
async fn bounded(mut stream: impl AsyncRead + Unpin, bytes_max: usize) -> (Vec<u8>, bool) {
    let mut kept = Vec::new();
    let mut more = false;
    let mut piece = [0u8; 4096];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return (kept, more),
            Ok(length) => {
                let room = (bytes_max - kept.len()).min(length);
                kept.extend_from_slice(&piece[..room]);
                more |= room < length;
            }
        }
    }
}

/// The end of what a program said, on one line.
fn last_words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last: Vec<&str> = lines.iter().rev().take(5).rev().copied().collect();
    last.join(" / ").chars().filter(|c| !c.is_control()).take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn the_first_line_is_the_secret() {
        let secret = resolve(&shell("printf 's3cret\\nuser: x\\n'")).await.expect("a secret");
        assert_eq!(secret.expose(), "s3cret");
    }

    #[tokio::test]
    async fn a_failure_quotes_what_the_program_said_but_not_the_value() {
        let error = resolve(&shell("echo s3cret; echo 'no such entry' >&2; exit 3")).await.expect_err("refused");
        assert_eq!(error.code(), code::SECRET_MISSING);
        assert!(error.message().contains("exit status: 3"), "{error}");
        assert_eq!(error.causes(), ["sh says: no such entry"]);
        assert!(!error.to_string().contains("s3cret"));
    }

    #[tokio::test]
    async fn a_program_that_never_ends_or_never_stops_is_cut_off() {
        let error = run(&shell("exec tail -f /dev/null"), Duration::from_millis(200)).await.expect_err("refused");
        assert!(error.message().contains("did not end"), "{error}");
        let error = resolve(&shell("head -c 100000 /dev/zero | tr '\\0' x")).await.expect_err("refused");
        assert!(error.message().contains("more than a secret"), "{error}");
        let error = resolve(&["/nonexistent/program".to_owned()]).await.expect_err("refused");
        assert!(error.message().contains("cannot be started"), "{error}");
        resolve(&shell("exit 0")).await.expect_err("nothing is no secret");
    }
}
