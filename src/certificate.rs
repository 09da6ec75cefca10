//! `rk3s certificate check | rotate`: when certificates end, and new ones in their place.
//!
//! A running server renews its certificates by itself; `rotate` is for a key that somebody else
//! may have seen. It puts files aside while the server is stopped, and its next start issues new
//! ones.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use base::Clock;
use clap::{Arg, ArgAction, ArgMatches, Command};
use jiff::Timestamp;
use pki::{CertificateState, CertificateStatus, Service};
use serde_json::{Value, json};
use store::{Hold, OpenError};

use crate::options::{self, Options};

const COLUMNS: [&str; 6] = [
    "FILENAME",
    "SUBJECT",
    "USAGES",
    "EXPIRES",
    "RESIDUAL TIME",
    "STATUS",
];

/// The command's arguments.
pub fn cli() -> Command {
    let service = Arg::new("service")
        .short('s')
        .long("service")
        .value_name("NAME")
        .action(ArgAction::Append)
        .value_delimiter(',')
        .help("admin, api-server, auth-proxy or kubelet; may be repeated (default: all)");
    let output = Arg::new("output")
        .short('o')
        .long("output")
        .value_name("FORMAT")
        .value_parser(["text", "table", "json", "yaml"])
        .default_value("text")
        .help("How the certificates are shown");
    // The short name is the output's here, as in k3s.
    let arguments = |command: Command| {
        let command = options::arguments(command);
        command.mut_arg("write-kubeconfig", |arg| arg.short(None))
    };
    Command::new("certificate")
        .about("Show when certificates expire, put new ones in their place")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            arguments(Command::new("check").about("Show the certificates and when they expire"))
                .arg(service.clone())
                .arg(output),
        )
        .subcommand(
            arguments(Command::new("rotate").about(
                "Put certificates and keys aside, so that the next start of the server issues \
                 new ones; the server must be stopped, authorities stay",
            ))
            .arg(service),
        )
}

/// Runs one of its subcommands.
pub async fn run(matches: ArgMatches, options: Options) -> Result<()> {
    let data_dir = options.path("data-dir");
    let now = Clock::system().wall();
    let text = match matches.subcommand() {
        Some(("rotate", matches)) => {
            let services = services(matches)?;
            let _stopped = hold(&data_dir)?;
            rotate(&data_dir, &services, now)?
        }
        Some((_, matches)) => {
            let found = pki::check(&data_dir, &services(matches)?, now)?;
            if found.is_empty() {
                bail!(
                    "there are no certificates below {}: the first start of rk3s server makes them",
                    data_dir.display()
                );
            }
            match matches.get_one::<String>("output").map(String::as_str) {
                Some("table") => table(&found, now),
                Some("json") => format!("{:#}\n", listed(&found, now)),
                Some("yaml") => schema::yaml::encode(&listed(&found, now)),
                _ => sentences(&found),
            }
        }
        None => return Ok(()),
    };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// The services that were named, or all.
fn services(matches: &ArgMatches) -> Result<Vec<Service>> {
    let Some(names) = matches.get_many::<String>("service") else {
        return Ok(Service::ALL.to_vec());
    };
    let mut services = Vec::new();
    for name in names {
        match Service::parse(name) {
            Some(service) if services.contains(&service) => {}
            Some(service) => services.push(service),
            None if Service::WITHOUT_CERTIFICATE.contains(&name.as_str()) => bail!(
                "{name} is a part of rk3s' own process and has no certificate; choose from {}",
                known()
            ),
            None => bail!("{name} is no service; choose from {}", known()),
        }
    }
    Ok(services)
}

fn known() -> String {
    Service::ALL.map(Service::name).join(", ")
}

/// Keeps the server from running: it would go on with the certificates that it has read, and may
/// be writing new ones just now.
fn hold(data_dir: &Path) -> Result<Option<Hold>> {
    let database = data_dir.join("server/db");
    if !database.is_dir() {
        // No server has run here yet.
        return Ok(None);
    }
    match Hold::take(&database) {
        Ok(hold) => Ok(Some(hold)),
        Err(OpenError::Locked { pid, .. }) => {
            let pid = pid.map_or(String::new(), |pid| format!(" (process {pid})"));
            bail!(
                "rk3s server is running{pid} and uses its certificates: stop it, rotate them, and \
                 start it again; pods go on meanwhile"
            )
        }
        Err(error) => Err(error.into()),
    }
}

fn rotate(data_dir: &Path, services: &[Service], now: Timestamp) -> Result<String> {
    let rotation = pki::rotate(data_dir, services, now)?;
    let Some(backup) = rotation.backup else {
        return Ok(format!(
            "There are no certificates below {}: nothing to rotate.\n",
            data_dir.display()
        ));
    };
    let names: Vec<_> = services.iter().map(|service| service.name()).collect();
    Ok(format!(
        "Rotated the certificates of {}.\nThe old ones are in {}; they stay valid until they \
         expire.\nRestart rk3s server to have new ones issued.\n",
        names.join(", "),
        backup.display()
    ))
}

fn word(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Good => "OK",
        CertificateState::Due => "WARNING",
        CertificateState::Expired => "EXPIRED",
        CertificateState::NotYetValid => "NOT YET VALID",
    }
}

/// A line each, in the words of k3s' log.
fn sentences(found: &[CertificateStatus]) -> String {
    let lines = found.iter().map(|one| {
        let (file, subject, until) = (one.file.display(), &one.subject, one.not_after);
        let how = match one.state {
            CertificateState::Good => "is ok, expires at",
            CertificateState::Due => "will expire soon, at",
            CertificateState::Expired => "has expired at",
            CertificateState::NotYetValid => "is not valid yet, expires at",
        };
        format!("{file}: certificate {subject} {how} {until:.0}\n")
    });
    lines.collect()
}

fn table(found: &[CertificateStatus], now: Timestamp) -> String {
    let underlined = COLUMNS.map(|column| "-".repeat(column.len()));
    let mut rows = vec![COLUMNS.map(str::to_owned).to_vec(), underlined.to_vec()];
    rows.extend(found.iter().map(|one| {
        let name = one.file.file_name().unwrap_or_default();
        vec![
            name.to_string_lossy().into_owned(),
            one.subject.clone(),
            one.usages.join(","),
            one.not_after.strftime("%b %d, %Y %H:%M UTC").to_string(),
            residual(one.not_after, now),
            word(one.state).to_owned(),
        ]
    }));
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: String = cells
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        format!("{}\n", cells.trim_end())
    };
    rows.iter().map(line).collect()
}

fn listed(found: &[CertificateStatus], now: Timestamp) -> Value {
    let item = |one: &CertificateStatus| {
        json!({
            "filename": one.file.display().to_string(),
            "subject": one.subject,
            "usages": one.usages,
            "expiryTime": format!("{:.0}", one.not_after),
            "residualTime": residual(one.not_after, now),
            "status": word(one.state),
        })
    };
    found.iter().map(item).collect()
}

/// As Kubernetes shows long durations: `9y`, `2y30d`, `300d`, `7d12h`, `5h`; `0s` when over.
fn residual(until: Timestamp, now: Timestamp) -> String {
    let hours = until.duration_since(now).as_secs() / 3600;
    let (days, years) = (hours / 24, hours / 24 / 365);
    match (years, days) {
        _ if until <= now => "0s".to_owned(),
        (8.., _) => format!("{years}y"),
        (2.., _) => format!("{years}y{}d", days % 365),
        (_, 8..) => format!("{days}d"),
        (_, 2..) => format!("{days}d{}h", hours % 24),
        _ => format!("{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pki::{Pki, PkiOptions};

    use super::*;

    fn made(clock: &Clock) -> (tempfile::TempDir, Pki) {
        let directory = tempfile::tempdir().expect("fresh directory");
        let pki = Pki::open(PkiOptions::new(directory.path(), clock.clone(), "n1"));
        (directory, pki.expect("made"))
    }

    fn chosen(arguments: &[&str]) -> Result<Vec<&'static str>> {
        let line = ["certificate", "rotate"].iter().chain(arguments);
        let matches = cli().try_get_matches_from(line)?;
        let matches = matches.subcommand_matches("rotate").expect("given").clone();
        Ok(services(&matches)?.into_iter().map(Service::name).collect())
    }

    #[test]
    fn services_are_chosen_by_name() {
        let shown = [
            &[][..],
            &["-s", "kubelet,admin", "--service", "admin"],
            &["-s", "scheduler"],
            &["-s", "kublet"],
        ]
        .map(|arguments| match chosen(arguments) {
            Ok(names) => names.join(" "),
            Err(error) => format!("error: {error}"),
        });
        expect![[r#"
            admin api-server auth-proxy kubelet
            kubelet admin
            error: scheduler is a part of rk3s' own process and has no certificate; choose from admin, api-server, auth-proxy, kubelet
            error: kublet is no service; choose from admin, api-server, auth-proxy, kubelet"#]].assert_eq(&shown.join("\n"));
    }

    #[test]
    fn every_format_tells_the_same() {
        let (clock, hands) = Clock::manual("2027-01-01T12:00:00Z".parse().expect("a time"));
        let (directory, _pki) = made(&clock);
        hands.shift_wall(300.0 * 86_400.0);
        let now = clock.wall();
        let found = pki::check(directory.path(), &[Service::Admin], now).expect("read");
        let shown = [
            sentences(&found),
            table(&found, now),
            format!("{:#}\n", listed(&found, now)),
            schema::yaml::encode(&listed(&found, now)),
        ];
        let shown = shown.join("\n");
        let shown = shown.replace(&directory.path().display().to_string(), "");
        expect![[r#"
            /server/tls/client-admin.crt: certificate CN=system:admin,O=system:masters will expire soon, at 2028-01-01T12:00:00Z
            /server/tls/client-ca.crt: certificate CN=rk3s-client-ca@1798804800 is ok, expires at 2036-12-29T12:00:00Z

            FILENAME          SUBJECT                           USAGES      EXPIRES                 RESIDUAL TIME  STATUS
            --------          -------                           ------      -------                 -------------  ------
            client-admin.crt  CN=system:admin,O=system:masters  ClientAuth  Jan 01, 2028 12:00 UTC  65d            WARNING
            client-ca.crt     CN=rk3s-client-ca@1798804800      CertSign    Dec 29, 2036 12:00 UTC  9y             OK

            [
              {
                "expiryTime": "2028-01-01T12:00:00Z",
                "filename": "/server/tls/client-admin.crt",
                "residualTime": "65d",
                "status": "WARNING",
                "subject": "CN=system:admin,O=system:masters",
                "usages": [
                  "ClientAuth"
                ]
              },
              {
                "expiryTime": "2036-12-29T12:00:00Z",
                "filename": "/server/tls/client-ca.crt",
                "residualTime": "9y",
                "status": "OK",
                "subject": "CN=rk3s-client-ca@1798804800",
                "usages": [
                  "CertSign"
                ]
              }
            ]

            - expiryTime: "2028-01-01T12:00:00Z"
              filename: /server/tls/client-admin.crt
              residualTime: 65d
              status: WARNING
              subject: CN=system:admin,O=system:masters
              usages:
              - ClientAuth
            - expiryTime: "2036-12-29T12:00:00Z"
              filename: /server/tls/client-ca.crt
              residualTime: 9y
              status: OK
              subject: CN=rk3s-client-ca@1798804800
              usages:
              - CertSign
        "#]].assert_eq(&shown);
    }

    #[test]
    fn rotation_says_what_to_do_next() {
        let (clock, _hands) = Clock::manual("2027-01-01T12:00:00Z".parse().expect("a time"));
        let (directory, _pki) = made(&clock);
        let rotate = |services: &[Service]| {
            let text = rotate(directory.path(), services, clock.wall()).expect("rotated");
            text.replace(&directory.path().display().to_string(), "")
        };
        let shown = rotate(&[Service::Admin, Service::Kubelet]) + &rotate(&[Service::Kubelet]);
        expect![[r#"
            Rotated the certificates of admin, kubelet.
            The old ones are in /server/tls-1798804800; they stay valid until they expire.
            Restart rk3s server to have new ones issued.
            There are no certificates below : nothing to rotate.
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn a_running_server_keeps_its_certificates() {
        let (clock, _hands) = Clock::manual("2027-01-01T12:00:00Z".parse().expect("a time"));
        let (directory, _pki) = made(&clock);
        let database = directory.path().join("server/db");
        assert!(hold(directory.path()).expect("never started").is_none());
        let store = store::SledStore::open(&database, store::Options::new(clock)).expect("opened");
        let refusal = hold(directory.path()).expect_err("runs").to_string();
        let expected = format!(
            "rk3s server is running (process {}) and uses its certificates: stop it, rotate them, \
             and start it again; pods go on meanwhile",
            std::process::id()
        );
        assert_eq!(refusal, expected);
        drop(store);
        let held = hold(directory.path()).expect("stopped");
        let clock = Clock::system();
        let start = || store::SledStore::open(&database, store::Options::new(clock.clone()));
        let refused = start().map(drop).expect_err("no server starts meanwhile");
        assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
        drop(held);
        start().map(drop).expect("opened");
    }

    #[test]
    fn durations_read_as_kubernetes_shows_them() {
        let now: Timestamp = "2027-01-01T12:00:00Z".parse().expect("a time");
        for (hours, expected) in [
            (-1, "0s"),
            (0, "0s"),
            (5, "5h"),
            (47, "47h"),
            (48, "2d0h"),
            (24 * 8, "8d"),
            (24 * 729, "729d"),
            (24 * 730, "2y0d"),
            (24 * 365 * 9, "9y"),
        ] {
            let until = now + jiff::SignedDuration::from_hours(hours);
            assert_eq!(residual(until, now), expected, "{hours}");
        }
    }
}
