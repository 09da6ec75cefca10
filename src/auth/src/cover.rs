//! Whether some rules give everything that others give.

use std::collections::HashSet;

use crate::rule::Rule;

/// Permissions of which [`missing`] tells each whether it is there: rules multiply, and a body of a
/// megabyte can ask for more of them than there are atoms.
const MOST_PARTS: usize = 100_000;
/// Missing permissions that are told, as long as a refusal may be.
const MOST_MISSING: usize = 1000;

/// Rules that come to more permissions than are compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rules come to {0} permissions that no single rule of their writer gives, of which at most \
     {MOST_PARTS} can be looked for one by one: write fewer rules at once"
)]
pub(crate) struct TooMany(usize);

/// What `wanted` gives and `owned` does not, broken down to rules of one verb, one group and
/// resource, and one name at most, or of one verb and one path; the first thousand of them.
///
/// # Errors
/// [`TooMany`].
pub(crate) fn missing(owned: &[Rule], wanted: &[Rule]) -> Result<Vec<Rule>, TooMany> {
    let distinct: Vec<Rule> = wanted.iter().map(without_repeats).collect();
    let open = || {
        let open = distinct.iter();
        open.filter(|rule| !owned.iter().any(|owner| covers(owner, rule)))
    };
    let count = open().map(count_parts).fold(0, usize::saturating_add);
    if count > MOST_PARTS {
        return Err(TooMany(count));
    }
    let mut missing = Vec::new();
    for rule in open() {
        missing_of(owned, rule, &mut missing);
    }
    missing.truncate(MOST_MISSING);
    Ok(missing)
}

fn without_repeats(rule: &Rule) -> Rule {
    let once = |list: &[String]| {
        let mut seen = HashSet::new();
        let first = list.iter().filter(|item| seen.insert(item.as_str()));
        first.cloned().collect()
    };
    Rule {
        verbs: once(&rule.verbs),
        api_groups: once(&rule.api_groups),
        resources: once(&rule.resources),
        resource_names: once(&rule.resource_names),
        non_resource_urls: once(&rule.non_resource_urls),
    }
}

/// How many rules [`missing_of`] looks at.
fn count_parts(rule: &Rule) -> usize {
    let names = rule.resource_names.len().max(1);
    let objects = [rule.api_groups.len(), rule.resources.len(), names];
    let objects = objects.into_iter().fold(1, usize::saturating_mul);
    objects
        .saturating_add(rule.non_resource_urls.len())
        .saturating_mul(rule.verbs.len())
}

fn missing_of(owned: &[Rule], rule: &Rule, missing: &mut Vec<Rule>) {
    let one = |text: &String| vec![text.clone()];
    let names: Vec<Vec<String>> = if rule.resource_names.is_empty() {
        vec![Vec::new()]
    } else {
        rule.resource_names.iter().map(one).collect()
    };
    for group in &rule.api_groups {
        for resource in &rule.resources {
            let mut part = Rule {
                api_groups: one(group),
                resources: one(resource),
                ..Rule::default()
            };
            // Most rules are about something else.
            let near: Vec<&Rule> = owned
                .iter()
                .filter(|owner| concerns(owner, &part))
                .collect();
            for verb in &rule.verbs {
                part.verbs = one(verb);
                for names in &names {
                    part.resource_names.clone_from(names);
                    add_missing(&near, &part, missing);
                }
            }
        }
    }
    let all: Vec<&Rule> = owned.iter().collect();
    for url in &rule.non_resource_urls {
        for verb in &rule.verbs {
            let part = Rule {
                verbs: one(verb),
                non_resource_urls: one(url),
                ..Rule::default()
            };
            add_missing(&all, &part, missing);
        }
    }
}

fn add_missing(owned: &[&Rule], part: &Rule, missing: &mut Vec<Rule>) {
    if missing.len() < MOST_MISSING && !owned.iter().any(|owner| covers(owner, part)) {
        missing.push(part.clone());
    }
}

/// Whether a whole rule gives what a broken-down one gives.
fn covers(owner: &Rule, part: &Rule) -> bool {
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
    has_all(&owner.verbs, &part.verbs) && concerns(owner, part) && names && urls
}

/// Whether a rule is about the part's groups and resources, whatever it allows there.
fn concerns(owner: &Rule, part: &Rule) -> bool {
    has_all(&owner.api_groups, &part.api_groups) && covers_resources(owner, part)
}

fn has_all(set: &[String], wanted: &[String]) -> bool {
    let has = |text: &str| set.iter().any(|item| item == text);
    has("*") || wanted.iter().all(|text| has(text))
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
            let missing = missing(&rules(owned), &rules(wanted)).expect("few");
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

    /// A rule with this many of each: few octets, and more permissions than can be counted.
    fn wide(many: usize) -> Rule {
        let list = |what: &str| (0..many).map(|n| format!("{what}{n}")).collect();
        Rule {
            verbs: list("verb"),
            api_groups: list("group"),
            resources: list("resource"),
            resource_names: list("name"),
            non_resource_urls: Vec::new(),
        }
    }

    #[test]
    fn rules_that_multiply_cost_no_more_than_a_little() {
        let everything = rules("* */*");
        assert_eq!(missing(&everything, &[wide(50_000)]), Ok(Vec::new()));
        let refused = missing(&rules("get apps/deployments"), &[wide(70_000)]);
        assert_eq!(refused, Err(TooMany(usize::MAX)));
        let told = missing(&[], &[wide(15)]).expect("few enough");
        assert_eq!(told.len(), MOST_MISSING);
        let refused = missing(&[], &[wide(15), wide(15)]);
        assert_eq!(refused, Err(TooMany(101_250)));
        // The same said often is said once.
        let often = Rule {
            verbs: vec!["get".into(); 200_000],
            api_groups: vec!["apps".into(); 200_000],
            resources: vec!["deployments".into(); 200_000],
            ..Rule::default()
        };
        let parts = missing(&[], &[often]).expect("few");
        assert_eq!(parts, rules("get apps/deployments"));
    }
}
