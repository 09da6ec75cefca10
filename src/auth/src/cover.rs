//! Whether some rules give everything that others give.

use crate::rule::Rule;

/// What `wanted` gives and `owned` does not, broken down to rules of one verb, one group and
/// resource, and one name at most, or of one verb and one path.
pub(crate) fn missing(owned: &[Rule], wanted: &[Rule]) -> Vec<Rule> {
    let parts = wanted.iter().flat_map(broken_down);
    parts
        .filter(|part| !owned.iter().any(|rule| covers(rule, part)))
        .collect()
}

fn broken_down(rule: &Rule) -> Vec<Rule> {
    let one = |text: &String| vec![text.clone()];
    let mut parts = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let part = Rule {
                    verbs: one(verb),
                    api_groups: one(group),
                    resources: one(resource),
                    ..Rule::default()
                };
                if rule.resource_names.is_empty() {
                    parts.push(part);
                    continue;
                }
                parts.extend(rule.resource_names.iter().map(|name| Rule {
                    resource_names: one(name),
                    ..part.clone()
                }));
            }
        }
    }
    for url in &rule.non_resource_urls {
        parts.extend(rule.verbs.iter().map(|verb| Rule {
            verbs: one(verb),
            non_resource_urls: one(url),
            ..Rule::default()
        }));
    }
    parts
}

/// Whether a whole rule gives what a broken-down one gives.
fn covers(owner: &Rule, part: &Rule) -> bool {
    let all = |set: &[String], wanted: &[String]| {
        let has = |text: &str| set.iter().any(|item| item == text);
        has("*") || wanted.iter().all(|text| has(text))
    };
    let names = if part.resource_names.is_empty() {
        owner.resource_names.is_empty()
    } else {
        owner.resource_names.is_empty()
            || part
                .resource_names
                .iter()
                .all(|name| owner.resource_names.contains(name))
    };
    let urls = part.non_resource_urls.iter().all(|url| {
        let mut owned = owner.non_resource_urls.iter();
        owned.any(|owned| covers_url(owned, url))
    });
    all(&owner.verbs, &part.verbs)
        && all(&owner.api_groups, &part.api_groups)
        && covers_resources(owner, part)
        && names
        && urls
}

fn covers_resources(owner: &Rule, part: &Rule) -> bool {
    let has = |text: &str| owner.resources.iter().any(|item| item == text);
    has("*")
        || part.resources.iter().all(|resource| {
            let anything_below = |(_, sub): (&str, &str)| has(&format!("*/{sub}"));
            has(resource) || resource.split_once('/').is_some_and(anything_below)
        })
}

fn covers_url(owned: &str, wanted: &str) -> bool {
    owned == wanted || owned.ends_with('*') && wanted.starts_with(owned.trim_end_matches('*'))
}

/// The rules as upstream lists them in refusals: one line each, sorted; verbs of the same resource
/// in one line.
pub(crate) fn describe(parts: &[Rule]) -> String {
    let mut compact: Vec<Rule> = Vec::new();
    for part in parts {
        let is_simple = part.resource_names.is_empty() && part.non_resource_urls.is_empty();
        let same = compact.iter_mut().find(|rule| {
            let alike = rule.api_groups == part.api_groups && rule.resources == part.resources;
            is_simple && rule.resource_names.is_empty() && alike
        });
        match same {
            Some(rule) => rule.verbs.extend(part.verbs.iter().cloned()),
            None => compact.push(part.clone()),
        }
    }
    let mut lines: Vec<_> = compact.iter().map(line).collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

fn line(rule: &Rule) -> String {
    let lists = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let lists = lists.iter().filter(|(_, list)| !list.is_empty());
    let lists = lists.map(|(name, list)| format!("{name}:{}", quoted(list)));
    format!("{{{}}}", lists.collect::<Vec<_>>().join(", "))
}

/// As Go's `%q` shows a list.
pub(crate) fn quoted(list: &[String]) -> String {
    let items: Vec<_> = list.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    /// `get,list apps/deployments name` or `get /path`; several separated by `; `.
    fn rules(text: &str) -> Vec<Rule> {
        let lists = |text: &str| text.split(',').map(Into::into).collect::<Vec<String>>();
        let rule = |text: &str| {
            let words: Vec<_> = text.split(' ').collect();
            if words[1].starts_with('/') {
                return Rule {
                    verbs: lists(words[0]),
                    non_resource_urls: lists(words[1]),
                    ..Rule::default()
                };
            }
            let (groups, resources) = words[1].split_once('/').expect("group/resource");
            Rule {
                verbs: lists(words[0]),
                api_groups: lists(groups),
                resources: lists(resources),
                resource_names: words.get(2).map(|names| lists(names)).unwrap_or_default(),
                ..Rule::default()
            }
        };
        let texts = text.split("; ").filter(|text| !text.is_empty());
        texts.map(rule).collect()
    }

    #[test]
    fn tells_what_is_missing() {
        let mut shown = String::new();
        for (owned, wanted) in [
            ("", "get,list,watch apps/deployments,replicasets"),
            (
                "get apps/deployments",
                "get apps/deployments; list apps/deployments",
            ),
            (
                "get,list apps/*",
                "get,list apps/deployments,deployments/status",
            ),
            (
                "get apps/*/status",
                "get apps/deployments/status; get apps/deployments/scale",
            ),
            ("get apps/deployments", "get apps/*"),
            ("* */*", "get apps/*; * */*"),
            ("* */*", "get /healthz"),
            ("* */*; * /*", "get /healthz; * /*"),
            ("get /api*", "get /api,/apis,/version"),
            ("get /api", "get /api*"),
            ("get apps/deployments web", "get apps/deployments web,db"),
            ("get apps/deployments web", "get apps/deployments"),
            ("get apps/deployments", "get apps/deployments web"),
        ] {
            let missing = missing(&rules(owned), &rules(wanted));
            shown += &format!("{owned:?} lacks of {wanted:?}:\n{}\n", describe(&missing));
        }
        expect![[r#"
            "" lacks of "get,list,watch apps/deployments,replicasets":
            {APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list" "watch"]}
            {APIGroups:["apps"], Resources:["replicasets"], Verbs:["get" "list" "watch"]}
            "get apps/deployments" lacks of "get apps/deployments; list apps/deployments":
            {APIGroups:["apps"], Resources:["deployments"], Verbs:["list"]}
            "get,list apps/*" lacks of "get,list apps/deployments,deployments/status":

            "get apps/*/status" lacks of "get apps/deployments/status; get apps/deployments/scale":
            {APIGroups:["apps"], Resources:["deployments/scale"], Verbs:["get"]}
            "get apps/deployments" lacks of "get apps/*":
            {APIGroups:["apps"], Resources:["*"], Verbs:["get"]}
            "* */*" lacks of "get apps/*; * */*":

            "* */*" lacks of "get /healthz":
            {NonResourceURLs:["/healthz"], Verbs:["get"]}
            "* */*; * /*" lacks of "get /healthz; * /*":

            "get /api*" lacks of "get /api,/apis,/version":
            {NonResourceURLs:["/version"], Verbs:["get"]}
            "get /api" lacks of "get /api*":
            {NonResourceURLs:["/api*"], Verbs:["get"]}
            "get apps/deployments web" lacks of "get apps/deployments web,db":
            {APIGroups:["apps"], Resources:["deployments"], ResourceNames:["db"], Verbs:["get"]}
            "get apps/deployments web" lacks of "get apps/deployments":
            {APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}
            "get apps/deployments" lacks of "get apps/deployments web":

        "#]]
        .assert_eq(&shown);
    }
}
