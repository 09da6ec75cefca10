//! What the server says of options it cannot use.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use expect_test::expect_file;

use crate::harness::cluster::{Cluster, clear};
use crate::harness::machine;
use crate::harness::mask::mask;
use crate::harness::server::{NODE, Places};
use crate::harness::wait::eventually;

/// A second server's places, apart from the shared one's.
const OTHER: &str = "/tmp/rk3s-test-2";

/// Standard error and exit code of a server that must end by itself.
pub(super) fn refused(mut command: Command) -> Result<String> {
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    let status = eventually("the server refuses", Duration::from_secs(15), || {
        Ok(child.try_wait()?.ok_or_else(|| "it runs".to_owned()))
    });
    // Ends the one that wrongly runs; no harm to the one that ended.
    let _gone = child.kill();
    let words = child.wait_with_output()?.stderr;
    let words = String::from_utf8(words)?;
    // The log's lines begin with a time; the error is what a person is told last.
    let last = words.lines().last().unwrap_or_default();
    Ok(format!(
        "{last}\nexit code {}\n",
        status?.code().unwrap_or(-1)
    ))
}

pub fn bad_values_name_their_remedy(_: &mut Cluster) -> Result<()> {
    let other = Places::new(OTHER);
    clear(&other)?;
    let rows = [
        "--https-listen-port=70000",
        "--bind-address=here",
        "--node-name=No_Name",
        "--write-kubeconfig-mode=0999",
        "--data-dir=state",
        "--cluster-cidr=10.42.0.1/16",
        "--debug=perhaps",
    ];
    let mut seen = String::new();
    for row in rows {
        // The last of two flags of one name would be refused for being two.
        let name = row.split('=').next().unwrap_or(row);
        let mut command = Command::new(machine::binary()?);
        command.arg("server").env_clear();
        command.args(other.flags().iter().filter(|flag| !flag.starts_with(name)));
        other.command("server", &[])?;
        command.arg(row);
        seen.push_str(&format!("$ rk3s server {row}\n{}\n", refused(command)?));
    }
    clear(&other)?;
    expect_file!["../../golden/cluster/bad-values.txt"].assert_eq(&seen);
    Ok(())
}

pub fn variables_and_file_stand_for_flags(_: &mut Cluster) -> Result<()> {
    let other = Places::new(OTHER);
    clear(&other)?;
    let mut seen = String::new();
    let variable = {
        let mut command = other.command("server", &[])?;
        command.env("RK3S_BIND_ADDRESS", "nowhere");
        command
    };
    seen.push_str(&refused(variable)?);
    fs::write(other.root.join("config.yaml"), "https-listen-port: many\n")?;
    seen.push_str(&refused(other.command("server", &[])?)?);
    clear(&other)?;
    expect_file!["../../golden/cluster/variables-and-file.txt"].assert_eq(&seen);
    Ok(())
}

pub fn what_is_in_use_is_refused(cluster: &mut Cluster) -> Result<()> {
    let other = Places::new(OTHER);
    clear(&other)?;
    let mut seen = String::from("port:\n");
    seen.push_str(&refused(
        other.command("server", &["--kubelet-port=10350"])?,
    )?);
    seen.push_str("data directory:\n");
    let ports = ["--https-listen-port=7443", "--kubelet-port=10350"];
    seen.push_str(&refused(cluster.places.command("server", &ports)?)?);
    clear(&other)?;
    expect_file!["../../golden/cluster/in-use.txt"].assert_eq(&mask(&seen));
    // The first one did not notice.
    cluster.kubectl.ok(&["get", "node", NODE]).map(drop)
}

pub fn a_newer_format_is_refused(cluster: &mut Cluster) -> Result<()> {
    let format = fs::read_to_string(cluster.places.data().join("server/db/format"))?;
    let other = Places::new(OTHER);
    clear(&other)?;
    fs::create_dir_all(other.data().join("server/db"))?;
    let (name, number) = format.trim().rsplit_once(' ').unwrap_or_default();
    let newer = format!("{name} {}\n", number.parse::<u32>()? + 1);
    fs::write(other.data().join("server/db/format"), newer)?;
    let ports = ["--https-listen-port=7443", "--kubelet-port=10350"];
    let seen = refused(other.command("server", &ports)?)?;
    clear(&other)?;
    expect_file!["../../golden/cluster/newer-format.txt"].assert_eq(&seen);
    Ok(())
}

pub fn without_privileges_it_says_so(_: &mut Cluster) -> Result<()> {
    let other = Places::new(OTHER);
    clear(&other)?;
    // Nobody may look into the directory of the build.
    let copy = other.root.join("rk3s");
    let mut command = other.command("server", &[])?;
    fs::copy(machine::binary()?, &copy)?;
    let flags: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    command = Command::new(&copy);
    command.args(flags).env_clear().uid(65534).gid(65534);
    let seen = refused(command)?;
    clear(&other)?;
    expect_file!["../../golden/cluster/privileges.txt"].assert_eq(&seen);
    Ok(())
}
