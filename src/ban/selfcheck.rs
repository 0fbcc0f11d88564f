//! How the real consumer checks a list before it is published: an argument vector, and the configuration that it needs.
//! Runs nothing and writes nothing.

use super::emit::Format;

/// A command without a shell, whose exit code 0 means that the list is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The program, to be found in `PATH`.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The configuration to be written before it runs, as path and text.
    pub configuration: Option<(String, String)>,
}

/// A path that would need quotes in some configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path:?} cannot stand in a configuration\n\
     hint: a list that is to be checked needs an absolute path of letters, digits and any of / . _ + -"
)]
pub struct PathError {
    path: String,
}

/// The check of the list at `list`; `None` if nothing can check the format without taking it.
///
/// `directory` is an empty one made for this check and removed after it: nginx makes a pid file and directories in it,
/// which it would otherwise make, and give to another owner, where the nginx that serves has its own.
///
/// # Errors
/// If a path has bytes that configurations read as more than a path.
pub fn check(format: Format, list: &str, directory: &str) -> Result<Option<Check>, PathError> {
    check_path(list)?;
    check_path(directory)?;
    let conf = format!("{directory}/check.conf");
    let check = match format {
        Format::Nftables => command("nft", &["-c", "-f", list]),
        // It has no dry run. A network namespace of its own, gone with the process, takes the list in its place.
        Format::Ipset => command("unshare", &["--net", "--", "ipset", "-file", list, "restore"]),
        Format::NginxGeo => {
            nginx(&conf, directory, &format!("geo $logstat_ban {{ default 0; include {list}; }}"))
        }
        Format::NginxDeny => nginx(&conf, directory, &format!("include {list};")),
        Format::HaproxyAcl => haproxy(&conf, &format!("src -f {list}")),
        Format::HaproxyMap => haproxy(&conf, &format!("src,map_ip_int({list}) -m found")),
        Format::Plain | Format::Fail2ban | Format::Crowdsec | Format::Jsonl => return Ok(None),
    };
    Ok(Some(check))
}

fn command(program: &'static str, arguments: &[&str]) -> Check {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Check { program, arguments, configuration: None }
}

/// `-t` makes the pid file and the directories for bodies, and gives those to the user of the workers.
fn nginx(conf: &str, directory: &str, directive: &str) -> Check {
    let bodies: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {directory}/bodies;\n"))
        .concat();
    let text = format!(
        "pid {directory}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n    access_log off;\n{bodies}    {directive}\n}}\n"
    );
    let arguments = ["-t", "-q", "-e", "stderr", "-p", directory, "-c", conf];
    Check { configuration: Some((conf.to_owned(), text)), ..command("nginx", &arguments) }
}

/// `-c` binds nothing, so any port will do.
fn haproxy(conf: &str, condition: &str) -> Check {
    let text = format!(
        "defaults\n    mode http\n    timeout client 1s\n    timeout connect 1s\n    timeout server 1s\n\
         frontend check\n    bind 127.0.0.1:1\n    http-request deny if {{ {condition} }}\n"
    );
    Check { configuration: Some((conf.to_owned(), text)), ..command("haproxy", &["-c", "-q", "-f", conf]) }
}

fn check_path(path: &str) -> Result<(), PathError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    if path.starts_with('/') && path.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(PathError { path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_need_quotes_are_refused() {
        for path in
            ["", "bans", "/tmp/a b", "/tmp/a;b", "/tmp/*", "/tmp/a,b", "/tmp/a}b", "/tmp/a\nb", "/tmp/ä"]
        {
            assert!(check(Format::NginxGeo, path, "/tmp/d").is_err(), "{path}");
            assert!(check(Format::NginxGeo, "/tmp/bans", path).is_err(), "{path}");
        }
    }

    #[test]
    fn nginx_touches_nothing_outside_its_directory() {
        let check = check(Format::NginxGeo, "/etc/bans.conf", "/run/x").unwrap().unwrap();
        let (path, text) = check.configuration.unwrap();
        assert_eq!(path, "/run/x/check.conf");
        assert_eq!(text.matches("_temp_path /run/x/bodies;").count(), 5);
        assert!(text.contains("pid /run/x/pid;"));
        assert!(text.contains("geo $logstat_ban { default 0; include /etc/bans.conf; }"));
    }

    #[test]
    fn lists_without_a_reader_that_checks_have_no_check() {
        let has_check = |&format: &Format| check(format, "/tmp/bans", "/tmp/d").unwrap().is_some();
        let checked: Vec<_> =
            Format::ALL.iter().filter(|format| has_check(format)).map(|f| f.name()).collect();
        assert_eq!(checked.join(" "), "nftables ipset nginx-geo nginx-deny haproxy-acl haproxy-map");
    }
}
