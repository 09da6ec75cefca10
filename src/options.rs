//! Reads the options of the table in `flags`, and is the only code that does.
//!
//! Order of precedence, lowest first, as in k3s: default, environment, configuration file,
//! command line.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use crate::flags::{Kind, Row, SERVER};

/// Where a value came from: named in errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    Environment(&'static str),
    File(PathBuf),
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}

/// Why the options cannot be used; the text names option, value, origin and remedy.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    #[error("--{flag}: invalid value {value:?} from {origin}: {why}")]
    Invalid {
        flag: &'static str,
        value: String,
        origin: Origin,
        why: String,
    },
    #[error("cannot read the configuration file {}: {why}", path.display())]
    File { path: PathBuf, why: String },
}

/// Validated values of all options.
#[derive(Clone, Debug)]
pub struct Options {
    values: BTreeMap<&'static str, (String, Origin)>,
    /// Keys of the configuration file that no option has, with the nearest one.
    pub unknown_keys: Vec<String>,
}

/// The command's arguments, from the table.
pub fn arguments(command: Command) -> Command {
    SERVER
        .iter()
        .fold(command, |command, row| command.arg(argument(row)))
}

fn argument(row: &'static Row) -> Arg {
    let mut help = row.help.to_owned();
    if !row.default.is_empty() && row.kind != Kind::Bool {
        help.push_str(&format!(" (default: {})", row.default));
    }
    help.push_str(&format!(" [{}]", row.env));
    let arg = Arg::new(row.flag).long(row.flag).help(help);
    let arg = match row.short {
        Some(short) => arg.short(short),
        None => arg,
    };
    if row.kind == Kind::Bool {
        arg.num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL")
    } else {
        arg.action(ArgAction::Set)
            .value_name(value_name(row.kind))
            .allow_hyphen_values(true)
    }
}

fn value_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "TEXT",
        Kind::Name => "NAME",
        Kind::Path => "PATH",
        Kind::IpAddress => "ADDRESS",
        Kind::Ipv4Network => "NETWORK",
        Kind::Port => "PORT",
        Kind::Mode => "MODE",
        Kind::Bool => "BOOL",
    }
}

impl Options {
    /// Resolves every option from its four origins and checks it.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn resolve(
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, OptionError> {
        let given = |row: &'static Row| -> Option<(String, Origin)> {
            let typed = matches.get_one::<String>(row.flag).cloned();
            typed.map(|value| (value, Origin::CommandLine)).or_else(|| {
                let value = env(row.env).filter(|value| !value.is_empty())?;
                Some((value, Origin::Environment(row.env)))
            })
        };
        let file = config_file(given(&SERVER[0]))?;
        let mut values = BTreeMap::new();
        for row in SERVER {
            let typed = matches.get_one::<String>(row.flag).is_some();
            let from_file = file
                .values
                .get(row.flag)
                .filter(|_| !typed)
                .map(|value| (value.clone(), Origin::File(file.path.clone())));
            let default = || (row.default.to_owned(), Origin::Default);
            let (value, origin) = from_file.or_else(|| given(row)).unwrap_or_else(default);
            check(row, &value, &origin)?;
            values.insert(row.flag, (value, origin));
        }
        Ok(Self {
            values,
            unknown_keys: file.unknown,
        })
    }

    /// An option's text.
    #[must_use]
    pub fn text(&self, flag: &str) -> &str {
        self.values.get(flag).map_or("", |(value, _)| value)
    }

    #[must_use]
    pub fn path(&self, flag: &str) -> PathBuf {
        self.text(flag).into()
    }

    #[must_use]
    pub fn is_true(&self, flag: &str) -> bool {
        matches!(self.text(flag), "true" | "1")
    }

    /// A value whose kind was checked to parse.
    #[must_use]
    pub fn parsed<T: std::str::FromStr>(&self, flag: &str) -> Option<T> {
        self.text(flag).parse().ok()
    }

    /// Octal permissions.
    #[must_use]
    pub fn mode(&self, flag: &str) -> u32 {
        u32::from_str_radix(self.text(flag), 8).unwrap_or(0o600)
    }
}

struct ConfigFile {
    path: PathBuf,
    values: BTreeMap<String, String>,
    unknown: Vec<String>,
}

/// A default file may be missing, a named one may not.
fn config_file(named: Option<(String, Origin)>) -> Result<ConfigFile, OptionError> {
    let required = named.is_some();
    let path = PathBuf::from(named.map_or(SERVER[0].default.to_owned(), |(path, _)| path));
    let refuse = |why: String| OptionError::File {
        path: path.clone(),
        why,
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => String::new(),
        Err(error) => return Err(refuse(error.to_string())),
    };
    let document = schema::yaml::decode(&text).map_err(|error| refuse(error.to_string()))?;
    let map = match document.value {
        Value::Object(map) => map,
        Value::Null => serde_json::Map::new(),
        _ => return Err(refuse("it must hold a map of options".into())),
    };
    let (mut values, mut unknown) = (BTreeMap::new(), Vec::new());
    for (key, value) in map {
        if !SERVER.iter().any(|row| row.flag == key) {
            unknown.push(did_you_mean(&key));
            continue;
        }
        let value = plain(&value).ok_or_else(|| refuse(format!("{key}: must be a plain value")))?;
        values.insert(key, value);
    }
    Ok(ConfigFile {
        path,
        values,
        unknown,
    })
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(plain).collect();
            items.map(|items| items.join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}

fn did_you_mean(key: &str) -> String {
    let shared = |flag: &str| flag.split('-').filter(|part| key.contains(part)).count();
    let nearest = SERVER.iter().max_by_key(|row| shared(row.flag));
    match nearest.filter(|row| shared(row.flag) > 0) {
        Some(row) => format!("{key} (did you mean {}?)", row.flag),
        None => key.to_owned(),
    }
}

fn check(row: &Row, value: &str, origin: &Origin) -> Result<(), OptionError> {
    if value.is_empty() && row.default.is_empty() {
        return Ok(());
    }
    let why = match row.kind {
        Kind::Text if !value.is_empty() => return Ok(()),
        Kind::Path if Path::new(value).is_absolute() => return Ok(()),
        Kind::IpAddress if value.parse::<std::net::IpAddr>().is_ok() => return Ok(()),
        Kind::Ipv4Network if is_network(value) => return Ok(()),
        Kind::Port if value.parse::<u16>().is_ok() => return Ok(()),
        Kind::Mode if is_mode(value) => return Ok(()),
        Kind::Bool if matches!(value, "true" | "false" | "1" | "0") => return Ok(()),
        Kind::Name => match resources::meta::dns_subdomain(value) {
            Ok(()) => return Ok(()),
            Err(why) => why,
        },
        Kind::Text => "must not be empty".into(),
        Kind::Path => "must be an absolute path".into(),
        Kind::IpAddress => "must be an IP address such as 192.168.1.10".into(),
        Kind::Ipv4Network => "must be an IPv4 network such as 10.42.0.0/16".into(),
        Kind::Port => "must be a port number from 0 to 65535".into(),
        Kind::Mode => "must be octal permissions such as 0600 or 644".into(),
        Kind::Bool => "must be true or false".into(),
    };
    let (value, origin) = (value.to_owned(), origin.clone());
    Err(OptionError::Invalid {
        flag: row.flag,
        value,
        origin,
        why,
    })
}

fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let (Ok(address), Ok(length)) = (address.parse::<std::net::Ipv4Addr>(), length.parse::<u8>())
    else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
    (8..=30).contains(&length) && u32::from(address) & !mask == 0
}

fn is_mode(text: &str) -> bool {
    (3..=4).contains(&text.len()) && u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(args: &[&str], env: &[(&str, &str)]) -> Result<Options, OptionError> {
        let command = arguments(Command::new("server"));
        let args = std::iter::once("server").chain(args.iter().copied());
        let matches = command.try_get_matches_from(args).expect("known flags");
        Options::resolve(&matches, |name| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn write_config(text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("rk3s-config-{}.yaml", base::random::uuid()));
        std::fs::write(&path, text).expect("written");
        path
    }

    #[test]
    fn rows_are_unique_and_their_defaults_valid() {
        for (index, row) in SERVER.iter().enumerate() {
            assert!(
                SERVER[..index]
                    .iter()
                    .all(|r| r.flag != row.flag && r.env != row.env)
            );
            check(row, row.default, &Origin::Default).expect(row.flag);
        }
    }

    #[test]
    fn the_command_line_beats_the_file_beats_the_environment() {
        let path = write_config("https-listen-port: 7001\ndebug: true\nnode-name: file\n");
        let config = format!("--config={}", path.display());
        let env = [
            ("RK3S_HTTPS_LISTEN_PORT", "7000"),
            ("RK3S_BIND_ADDRESS", "127.0.0.1"),
        ];
        let options = resolve(&[&config, "--node-name=typed"], &env).expect("valid");
        std::fs::remove_file(path).expect("removable");
        assert_eq!(options.text("node-name"), "typed");
        assert_eq!(options.text("https-listen-port"), "7001");
        assert_eq!(options.text("bind-address"), "127.0.0.1");
        assert_eq!(options.text("data-dir"), "/var/lib/rk3s");
        assert!(options.is_true("debug"));
    }

    #[test]
    fn a_bad_value_names_option_value_origin_and_remedy() {
        let rows = [
            (
                resolve(&["--https-listen-port=70000"], &[]),
                "--https-listen-port: invalid value \"70000\" from the command line: must be a \
                 port number from 0 to 65535",
            ),
            (
                resolve(&[], &[("RK3S_BIND_ADDRESS", "here")]),
                "--bind-address: invalid value \"here\" from the environment variable \
                 RK3S_BIND_ADDRESS: must be an IP address such as 192.168.1.10",
            ),
            (
                resolve(&["--write-kubeconfig-mode=0999"], &[]),
                "--write-kubeconfig-mode: invalid value \"0999\" from the command line: must be \
                 octal permissions such as 0600 or 644",
            ),
            (
                resolve(&["--cluster-cidr=10.42.0.1/16"], &[]),
                "--cluster-cidr: invalid value \"10.42.0.1/16\" from the command line: must be \
                 an IPv4 network such as 10.42.0.0/16",
            ),
            (
                resolve(&["--data-dir=state"], &[]),
                "--data-dir: invalid value \"state\" from the command line: must be an absolute \
                 path",
            ),
        ];
        for (outcome, text) in rows {
            assert_eq!(outcome.expect_err(text).to_string(), text);
        }
    }

    #[test]
    fn unknown_keys_are_named_with_the_nearest() {
        let path = write_config("data-directory: /x\n");
        let config = format!("--config={}", path.display());
        let options = resolve(&[&config], &[]).expect("valid");
        std::fs::remove_file(path).expect("removable");
        assert_eq!(
            options.unknown_keys,
            ["data-directory (did you mean data-dir?)"]
        );
    }
}
