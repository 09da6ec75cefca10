//! Command lines as kubectl reads them: flags anywhere, `--name value`, `--name=value`, `-n x`,
//! `-nx`, `-Aw`, and `--` before what is no flag.

use std::collections::HashMap;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Value,
    /// `--flag`, or `--flag=false`.
    Bool,
    /// `--flag` alone stands for this.
    Optional(&'static str),
}

/// One row of a command's flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    pub long: &'static str,
    pub short: Option<char>,
    pub takes: Takes,
    pub default: &'static str,
    pub help: &'static str,
}

/// A flag with a value.
pub(crate) const fn value(long: &'static str, help: &'static str) -> Flag {
    Flag {
        long,
        short: None,
        takes: Takes::Value,
        default: "",
        help,
    }
}

/// A switch.
pub(crate) const fn switch(long: &'static str, help: &'static str) -> Flag {
    Flag {
        takes: Takes::Bool,
        ..value(long, help)
    }
}

impl Flag {
    pub(crate) const fn short(self, short: char) -> Self {
        Self {
            short: Some(short),
            ..self
        }
    }

    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(crate) const fn alone(self, means: &'static str) -> Self {
        Self {
            takes: Takes::Optional(means),
            ..self
        }
    }
}

/// What stood on a command line.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    values: HashMap<&'static str, Vec<String>>,
    defaults: HashMap<&'static str, &'static str>,
    /// All that is no flag, in order.
    pub args: Vec<String>,
}

impl Parsed {
    /// The last value given, else the default.
    pub(crate) fn text(&self, flag: &str) -> &str {
        let given = self.values.get(flag).and_then(|values| values.last());
        let default = || self.defaults.get(flag).copied().unwrap_or_default();
        given.map_or_else(default, String::as_str)
    }

    pub(crate) fn is_given(&self, flag: &str) -> bool {
        self.values.contains_key(flag)
    }

    pub(crate) fn is_true(&self, flag: &str) -> bool {
        matches!(self.text(flag), "true" | "1" | "t" | "T" | "TRUE" | "True")
    }

    /// Every value of a flag that may come several times or hold several.
    pub(crate) fn list(&self, flag: &str) -> Vec<String> {
        let values = self.values.get(flag).into_iter().flatten();
        let parts = values.flat_map(|value| value.split(','));
        parts.map(str::to_owned).collect()
    }

    /// A number, when the flag was given.
    ///
    /// # Errors
    /// In pflag's words when it is none.
    pub(crate) fn number(&self, flag: &str) -> anyhow::Result<Option<i64>> {
        let text = self.text(flag);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse().map_err(|_| {
            anyhow::anyhow!(
                "invalid argument {text:?} for \"--{flag}\" flag: strconv.ParseInt: parsing \
                 {text:?}: invalid syntax"
            )
        });
        number.map(Some)
    }
}

/// Reads a command line.
///
/// # Errors
/// In pflag's words.
pub(crate) fn parse(flags: &[&'static [Flag]], args: &[String]) -> Result<Parsed, String> {
    let all: Vec<&'static Flag> = flags.iter().copied().flatten().collect();
    let mut parsed = Parsed::default();
    for flag in &all {
        parsed.defaults.insert(flag.long, flag.default);
    }
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--" {
            parsed.args.extend(args.by_ref().cloned());
        } else if let Some(long) = arg.strip_prefix("--") {
            parse_long(&all, long, &mut args, &mut parsed)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            parse_shorts(&all, &arg[1..], &mut args, &mut parsed)?;
        } else {
            parsed.args.push(arg.clone());
        }
    }
    Ok(parsed)
}

type Args<'a> = std::slice::Iter<'a, String>;

fn parse_long(
    flags: &[&'static Flag],
    text: &str,
    args: &mut Args<'_>,
    parsed: &mut Parsed,
) -> Result<(), String> {
    let (name, given) = match text.split_once('=') {
        Some((name, given)) => (name, Some(given)),
        None => (text, None),
    };
    let flag = flags.iter().find(|flag| flag.long == name);
    let flag = flag.ok_or_else(|| format!("unknown flag: --{name}"))?;
    let value = match (given, flag.takes) {
        (Some(given), _) => given.to_owned(),
        (None, Takes::Bool) => "true".into(),
        (None, Takes::Optional(means)) => means.into(),
        (None, Takes::Value) => {
            let next = args.next().cloned();
            next.ok_or_else(|| format!("flag needs an argument: --{name}"))?
        }
    };
    put(flag, value, parsed)
}

fn parse_shorts(
    flags: &[&'static Flag],
    text: &str,
    args: &mut Args<'_>,
    parsed: &mut Parsed,
) -> Result<(), String> {
    for (at, short) in text.char_indices() {
        let flag = flags.iter().find(|flag| flag.short == Some(short));
        let flag = flag.ok_or_else(|| format!("unknown shorthand flag: '{short}' in -{text}"))?;
        let rest = &text[at + short.len_utf8()..];
        let value = match (rest.strip_prefix('='), flag.takes) {
            (Some(value), _) => value.to_owned(),
            (None, Takes::Bool) => {
                put(flag, "true".into(), parsed)?;
                continue;
            }
            (None, Takes::Optional(means)) => {
                put(flag, means.into(), parsed)?;
                continue;
            }
            (None, Takes::Value) if !rest.is_empty() => rest.to_owned(),
            (None, Takes::Value) => args
                .next()
                .cloned()
                .ok_or_else(|| format!("flag needs an argument: '{short}' in -{text}"))?,
        };
        return put(flag, value, parsed);
    }
    Ok(())
}

fn put(flag: &Flag, value: String, parsed: &mut Parsed) -> Result<(), String> {
    let is_bool = [
        "true", "false", "1", "0", "t", "f", "T", "F", "TRUE", "FALSE", "True", "False",
    ];
    if flag.takes == Takes::Bool && !is_bool.contains(&value.as_str()) {
        let long = flag.long;
        return Err(format!(
            "invalid argument {value:?} for \"--{long}\" flag: strconv.ParseBool: parsing \
             {value:?}: invalid syntax"
        ));
    }
    parsed.values.entry(flag.long).or_default().push(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        value("namespace", "").short('n').default("x"),
        switch("watch", "").short('w'),
        switch("all-namespaces", "").short('A'),
        value("cascade", "")
            .default("background")
            .alone("background"),
        value("filename", "").short('f'),
    ];

    fn check(line: &str) -> String {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        match parse(&[FLAGS], &args) {
            Err(error) => error,
            Ok(parsed) => format!(
                "n={} w={} A={} cascade={} f={:?} args={:?}",
                parsed.text("namespace"),
                parsed.is_true("watch"),
                parsed.is_true("all-namespaces"),
                parsed.text("cascade"),
                parsed.list("filename"),
                parsed.args
            ),
        }
    }

    #[test]
    fn reads_command_lines_as_pflag_does() {
        let rows = [
            (
                "pods",
                r#"n=x w=false A=false cascade=background f=[] args=["pods"]"#,
            ),
            (
                "-n a pods -Aw",
                r#"n=a w=true A=true cascade=background f=[] args=["pods"]"#,
            ),
            (
                "-na --watch=false --cascade -f - -f=a,b -- -x",
                r#"n=a w=false A=false cascade=background f=["-", "a", "b"] args=["-x"]"#,
            ),
            ("--namespace", "flag needs an argument: --namespace"),
            ("-wn", "flag needs an argument: 'n' in -wn"),
            ("--foo=1", "unknown flag: --foo"),
            ("-wz", "unknown shorthand flag: 'z' in -wz"),
            (
                "--watch=x",
                r#"invalid argument "x" for "--watch" flag: strconv.ParseBool: parsing "x": invalid syntax"#,
            ),
        ];
        for (line, found) in rows {
            assert_eq!(check(line), found, "{line}");
        }
    }
}
