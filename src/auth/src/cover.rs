//! Whether some rules give everything that others give.

use std::cell::Cell;
use std::collections::HashSet;

use crate::rule::Rule;

/// Permissions of which [`missing`] tells each whether it is there: rules multiply, and a body of a
/// megabyte can ask for more of them than there are atoms.
const MOST_PARTS: usize = 100_000;
/// Missing permissions that are told, and after how many bytes of them no more, as long as a refusal
/// may be: each repeats a name of the body, which may be all of its 3 MiB.
const MOST_MISSING: usize = 1000;
const MOST_TOLD: usize = 256 * 1024;

/// Texts that are looked for in the writer's rules, in a fraction of a second. Who may bind what they
/// may do in rules of their own choice can have a hundred thousand of them.
const MOST_LOOKS: usize = 3_000_000;
/// Bytes of a text that take about as long as the look itself.
const LOOK_SIZE: usize = 64;

/// Rules that come to more than is compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMany {
    #[error(
        "the rules come to {0} permissions that no single rule of their writer gives, of which at \
         most {MOST_PARTS} can be looked for one by one: write fewer rules at once"
    )]
    Parts(usize),
    #[error(
        "the rules and those of their writer are too many to be compared: write fewer rules at once"
    )]
    Looks,
}

/// What `wanted` gives and `owned` does not, broken down to rules of one verb, one group and
/// resource, and one name at most, or of one verb and one path; the first thousand of them.
///
/// # Errors
/// [`TooMany`].
pub(crate) fn missing(owned: &[Rule], wanted: &[Rule]) -> Result<Vec<Rule>, TooMany> {
    missing_within(owned, wanted, MOST_LOOKS)
}

/// As [`missing`], however many texts of `owned` must be looked at.
///
/// # Errors
/// [`TooMany::Parts`].
pub(crate) fn missing_of_policy(owned: &[Rule], policy: &[Rule]) -> Result<Vec<Rule>, TooMany> {
    missing_within(owned, policy, usize::MAX)
}

fn missing_within(
    owned: &[Rule],
    wanted: &[Rule],
    most_looks: usize,
) -> Result<Vec<Rule>, TooMany> {
    let distinct: Vec<Rule> = wanted.iter().map(without_repeats).collect();
    let owned = Owned::of(owned, most_looks);
    let open: Vec<&Rule> = distinct.iter().filter(|rule| !owned.cover(rule)).collect();
    let count = open.iter().map(|rule| count_parts(rule));
    let count = count.fold(0, usize::saturating_add);
    if count > MOST_PARTS {
        return Err(TooMany::Parts(count));
    }
    let mut missing = Missing::default();
    for rule in open {
        missing_of(&owned, rule, &mut missing);
    }
    if owned.has_no_looks() {
        return Err(TooMany::Looks);
    }
    Ok(missing.parts)
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

/// What is told to be missing.
#[derive(Default)]
struct Missing {
    parts: Vec<Rule>,
    size: usize,
}

impl Missing {
    fn is_full(&self) -> bool {
        self.parts.len() >= MOST_MISSING || self.size >= MOST_TOLD
    }
}

fn missing_of(owned: &Owned<'_>, rule: &Rule, missing: &mut Missing) {
    if rule.verbs.is_empty() {
        // Not valid, which is found later; it gives nothing.
        return;
    }
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
            let near: Vec<&Owner<'_>> = owned
                .rules
                .iter()
                .filter(|owner| owned.concerns(owner, &part))
                .collect();
            for verb in &rule.verbs {
                part.verbs = one(verb);
                for names in &names {
                    if owned.has_no_looks() || missing.is_full() {
                        return;
                    }
                    part.resource_names.clone_from(names);
                    add_missing(owned, &near, &part, missing);
                }
            }
        }
    }
    let all: Vec<&Owner<'_>> = owned.rules.iter().collect();
    for url in &rule.non_resource_urls {
        for verb in &rule.verbs {
            if owned.has_no_looks() || missing.is_full() {
                return;
            }
            let part = Rule {
                verbs: one(verb),
                non_resource_urls: one(url),
                ..Rule::default()
            };
            add_missing(owned, &all, &part, missing);
        }
    }
}

fn add_missing(owned: &Owned<'_>, near: &[&Owner<'_>], part: &Rule, missing: &mut Missing) {
    let size = size_of(part);
    // What was copied to make it is paid for as well.
    let is_covered = || owned.look(size, || near.iter().any(|owner| owned.covers(owner, part)));
    if !is_covered() {
        missing.parts.push(part.clone());
        missing.size += size;
    }
}

/// Bytes of a rule's texts.
fn size_of(rule: &Rule) -> usize {
    let lists = [
        &rule.verbs,
        &rule.api_groups,
        &rule.resources,
        &rule.resource_names,
        &rule.non_resource_urls,
    ];
    lists.into_iter().flatten().map(String::len).sum()
}

/// What somebody may do, to look things up in.
struct Owned<'a> {
    rules: Vec<Owner<'a>>,
    /// How many texts may still be looked at. Whoever finds none left gives no answer.
    looks: Cell<usize>,
}

struct Owner<'a> {
    verbs: HashSet<&'a str>,
    groups: HashSet<&'a str>,
    resources: HashSet<&'a str>,
    names: HashSet<&'a str>,
    urls: &'a [String],
}

impl<'a> Owned<'a> {
    fn of(rules: &'a [Rule], most_looks: usize) -> Self {
        let set = |list: &'a [String]| list.iter().map(String::as_str).collect();
        let owner = |rule: &'a Rule| Owner {
            verbs: set(&rule.verbs),
            groups: set(&rule.api_groups),
            resources: set(&rule.resources),
            names: set(&rule.resource_names),
            urls: &rule.non_resource_urls,
        };
        Self {
            rules: rules.iter().map(owner).collect(),
            looks: Cell::new(most_looks),
        }
    }

    fn has_no_looks(&self) -> bool {
        self.looks.get() == 0
    }

    fn cover(&self, part: &Rule) -> bool {
        let mut rules = self.rules.iter();
        self.has_no_looks() || rules.any(|owner| self.covers(owner, part))
    }

    /// Whether a whole rule gives what a broken-down one gives.
    fn covers(&self, owner: &Owner<'_>, part: &Rule) -> bool {
        let names = || match (owner.names.is_empty(), part.resource_names.is_empty()) {
            (true, _) => true,
            (false, true) => false,
            (false, false) => self.all_in(&owner.names, &part.resource_names),
        };
        let url = |url: &String| {
            let mut owned = owner.urls.iter();
            owned.any(|owned| self.look(url.len(), || covers_url(owned, url)))
        };
        self.has_all(&owner.verbs, &part.verbs)
            && self.concerns(owner, part)
            && names()
            && part.non_resource_urls.iter().all(url)
    }

    /// Whether a rule is about the part's groups and resources, whatever it allows there.
    fn concerns(&self, owner: &Owner<'_>, part: &Rule) -> bool {
        let has = |text: &str| owner.resources.contains(text);
        let resource = |resource: &String| {
            let anything_below = |(_, sub): (&str, &str)| has(&format!("*/{sub}"));
            has(resource) || resource.split_once('/').is_some_and(anything_below)
        };
        let mut resources = part.resources.iter();
        self.has_all(&owner.groups, &part.api_groups)
            && (has("*") || resources.all(|name| self.look(name.len(), || resource(name))))
    }

    fn has_all(&self, set: &HashSet<&str>, wanted: &[String]) -> bool {
        self.look(0, || set.contains("*")) || self.all_in(set, wanted)
    }

    fn all_in(&self, set: &HashSet<&str>, wanted: &[String]) -> bool {
        let mut wanted = wanted.iter();
        wanted.all(|text| self.look(text.len(), || set.contains(text.as_str())))
    }

    /// Looks for a text of so many bytes.
    fn look(&self, size: usize, at: impl FnOnce() -> bool) -> bool {
        let left = self.looks.get().saturating_sub(1 + size / LOOK_SIZE);
        self.looks.set(left);
        left == 0 || at()
    }
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
mod tests;
