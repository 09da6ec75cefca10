//! `/etc/resolv.conf` and `/etc/hosts` of a pod (kubelet-cri-facts §3).

use std::net::IpAddr;

use api::core::{HostAlias, Pod, PodDNSConfig};

use crate::options::Options;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Resolver {
    servers: Vec<String>,
    searches: Vec<String>,
    options: Vec<String>,
}

const MAX_SERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;

/// The pod's resolv.conf. `node` is the text of the node's own.
#[must_use]
pub fn resolv_conf(options: &Options, pod: &Pod, node: &str) -> String {
    let spec = pod.spec.clone().unwrap_or_default();
    let host_network = spec.host_network == Some(true);
    let host = parse(node);
    let mut resolver = match spec.dns_policy.as_deref().unwrap_or("ClusterFirst") {
        "None" => Resolver::default(),
        "ClusterFirstWithHostNet" => cluster(options, pod, host),
        "ClusterFirst" if !host_network => cluster(options, pod, host),
        _ => host,
    };
    if let Some(config) = &spec.dns_config {
        append(&mut resolver, config);
    }
    resolver.servers.truncate(MAX_SERVERS);
    resolver.searches.truncate(MAX_SEARCHES);
    print(&resolver)
}

fn cluster(options: &Options, pod: &Pod, host: Resolver) -> Resolver {
    if options.cluster_dns.is_empty() {
        return host;
    }
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let domain = &options.cluster_domain;
    let mut searches = vec![
        format!("{namespace}.svc.{domain}"),
        format!("svc.{domain}"),
        domain.clone(),
    ];
    add_new(&mut searches, host.searches);
    Resolver {
        servers: options.cluster_dns.iter().map(IpAddr::to_string).collect(),
        searches,
        options: vec!["ndots:5".to_owned()],
    }
}

fn append(resolver: &mut Resolver, config: &PodDNSConfig) {
    add_new(
        &mut resolver.servers,
        config.nameservers.clone().unwrap_or_default(),
    );
    add_new(
        &mut resolver.searches,
        config.searches.clone().unwrap_or_default(),
    );
    for option in config.options.iter().flatten() {
        let Some(name) = &option.name else { continue };
        resolver
            .options
            .retain(|old| old.split(':').next() != Some(name.as_str()));
        let value = option
            .value
            .as_ref()
            .map_or(String::new(), |value| format!(":{value}"));
        resolver.options.push(format!("{name}{value}"));
    }
}

fn add_new(list: &mut Vec<String>, more: Vec<String>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

fn parse(text: &str) -> Resolver {
    let mut resolver = Resolver::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => resolver.servers.extend(words.next().map(Into::into)),
            Some("search") => {
                let trimmed = words.filter(|w| *w != ".").map(|w| w.trim_end_matches('.'));
                resolver.searches = trimmed.map(Into::into).collect();
            }
            Some("options") => resolver.options.extend(words.map(Into::into)),
            _ => {}
        }
    }
    resolver
}

fn print(resolver: &Resolver) -> String {
    let mut text = String::new();
    if !resolver.searches.is_empty() {
        text.push_str(&format!("search {}\n", resolver.searches.join(" ")));
    }
    for server in &resolver.servers {
        text.push_str(&format!("nameserver {server}\n"));
    }
    if !resolver.options.is_empty() {
        text.push_str(&format!("options {}\n", resolver.options.join(" ")));
    }
    text
}

/// The pod's hosts file. A pod with a subdomain has a domain name.
#[must_use]
pub fn hosts(pod_ips: &[String], hostname: &str, domain: &str, aliases: &[HostAlias]) -> String {
    let mut text = String::from(
        "# Kubernetes-managed hosts file.\n\
         127.0.0.1\tlocalhost\n\
         ::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::0\tip6-localnet\n\
         fe00::0\tip6-mcastprefix\n\
         fe00::1\tip6-allnodes\n\
         fe00::2\tip6-allrouters\n",
    );
    for ip in pod_ips {
        if domain.is_empty() {
            text.push_str(&format!("{ip}\t{hostname}\n"));
        } else {
            text.push_str(&format!("{ip}\t{hostname}.{domain}\t{hostname}\n"));
        }
    }
    push_aliases(&mut text, aliases);
    text
}

/// The hosts file of a pod on the node's network: the node's own.
#[must_use]
pub fn node_hosts(node: &str, aliases: &[HostAlias]) -> String {
    let mut text = format!("# Kubernetes-managed hosts file (host network).\n{node}");
    push_aliases(&mut text, aliases);
    text
}

fn push_aliases(text: &mut String, aliases: &[HostAlias]) {
    if aliases.is_empty() {
        return;
    }
    text.push_str("\n# Entries added by HostAliases.\n");
    for alias in aliases {
        let names = alias.hostnames.clone().unwrap_or_default();
        text.push_str(&format!("{}\t{}\n", alias.ip, names.join("\t")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn hosts_file() {
        let alias = HostAlias {
            ip: "192.0.2.9".into(),
            hostnames: Some(vec!["a".into(), "b".into()]),
        };
        expect![[r#"
            # Kubernetes-managed hosts file.
            127.0.0.1	localhost
            ::1	localhost ip6-localhost ip6-loopback
            fe00::0	ip6-localnet
            fe00::0	ip6-mcastprefix
            fe00::1	ip6-allnodes
            fe00::2	ip6-allrouters
            10.42.0.7	web-0.web.default.svc.cluster.local	web-0

            # Entries added by HostAliases.
            192.0.2.9	a	b
        "#]]
        .assert_eq(&hosts(
            &["10.42.0.7".to_owned()],
            "web-0",
            "web.default.svc.cluster.local",
            &[alias],
        ));
    }

    #[test]
    fn the_nodes_resolver_is_cleaned() {
        let parsed = parse("# x\nsearch a. . b\nnameserver 192.0.2.1\noptions ndots:1\n");
        assert_eq!(
            print(&parsed),
            "search a b\nnameserver 192.0.2.1\noptions ndots:1\n"
        );
    }
}
