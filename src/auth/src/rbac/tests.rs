use super::*;
use std::collections::HashMap;

/// A small cluster made of lists.
#[derive(Default)]
struct Lists {
    cluster_bindings: Vec<Binding>,
    bindings: Vec<Binding>,
    roles: Vec<Role>,
}

impl RuleSource for Lists {
    fn bindings(&self, namespace: &str, user: &UserInfo) -> Vec<Arc<Binding>> {
        let all = self.cluster_bindings.iter().chain(&self.bindings);
        all.filter(|binding| binding.namespace == namespace)
            .filter(|binding| binding.subject_of(user, &groups_of(user)).is_some())
            .map(|binding| Arc::new(binding.clone()))
            .collect()
    }

    fn role(&self, namespace: &str, name: &str) -> Option<Arc<Role>> {
        let mut roles = self.roles.iter();
        let role = roles.find(|role| role.namespace == namespace && role.name == name);
        role.cloned().map(Arc::new)
    }
}

impl Lists {
    /// The same in a table; bindings get names of their own.
    fn table(&self) -> RuleTable {
        let mut table = RuleTable::default();
        for role in &self.roles {
            table.put_role(role.clone());
        }
        let bindings = self.cluster_bindings.iter().chain(&self.bindings);
        for (index, binding) in bindings.enumerate() {
            let mut binding = binding.clone();
            binding.name = format!("b{index}");
            // Twice, and something else in between: only the last counts.
            let mut other = binding.clone();
            other.subjects = vec![Subject::User { name: "ann".into() }];
            table.put_binding(other);
            table.put_binding(binding);
        }
        table.put_binding(Binding {
            namespace: String::new(),
            name: "gone".into(),
            role: RoleRef {
                kind: RoleKind::ClusterRole,
                name: "r1".into(),
            },
            subjects: vec![Subject::Group {
                name: "system:authenticated".into(),
            }],
        });
        table.remove_binding("", "gone");
        table
    }
}

/// xorshift64*: random enough, and the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = u128::from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d));
        usize::try_from((wide * limit as u128) >> 64).expect("below the limit")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// At least `least`, at most two.
    fn some(&mut self, from: &[&str], least: usize) -> Vec<String> {
        let count = least + self.below(3 - least);
        (0..count).map(|_| self.pick(from).to_owned()).collect()
    }
}

// The whole world of the random test. Every request is made of these.
const VERBS: [&str; 3] = ["get", "list", "delete"];
const GROUPS: [&str; 3] = ["", "apps", "batch"];
const RESOURCES: [&str; 3] = ["pods", "jobs", "scale"];
const SUBRESOURCES: [&str; 3] = ["", "scale", "log"];
const NAMES: [&str; 3] = ["", "a", "b"];
const NAMESPACES: [&str; 3] = ["", "one", "two"];
const PATHS: [&str; 6] = ["/", "/api", "/api/", "/api/v1", "/apis", "/healthz"];

type Thing = (&'static str, &'static str, &'static str, &'static str);

/// Every (group, resource, subresource, name) of the world.
fn things() -> Vec<Thing> {
    let mut things = Vec::new();
    for group in GROUPS {
        for resource in RESOURCES {
            for subresource in SUBRESOURCES {
                things.extend(NAMES.map(|name| (group, resource, subresource, name)));
            }
        }
    }
    things
}

fn random_rule(dice: &mut Dice) -> Rule {
    let resources = [
        "*",
        "pods",
        "jobs",
        "scale",
        "pods/log",
        "pods/scale",
        "*/scale",
        "*/log",
        "pods/*",
        "*/*",
        "jobs/",
    ];
    Rule {
        verbs: dice.some(&["*", "get", "list", "delete"], 1),
        api_groups: dice.some(&["*", "", "apps", "batch"], 1),
        resources: dice.some(&resources, 1),
        resource_names: dice.some(&["a", "b", ""], 0),
        non_resource_urls: dice.some(&["*", "/api*", "/api/*", "/api", "/healthz", "/**", ""], 0),
    }
}

fn random_cluster(dice: &mut Dice) -> Lists {
    let mut lists = Lists::default();
    for namespace in NAMESPACES {
        for name in ["r1", "r2"] {
            let count = dice.below(3);
            lists.roles.push(Role {
                namespace: namespace.into(),
                name: name.into(),
                rules: (0..count).map(|_| random_rule(dice)).collect(),
            });
        }
        for _ in 0..=dice.below(3) {
            let binding = random_binding(dice, namespace);
            let cluster = namespace.is_empty();
            let list = if cluster {
                &mut lists.cluster_bindings
            } else {
                &mut lists.bindings
            };
            list.push(binding);
        }
    }
    lists
}

fn random_binding(dice: &mut Dice, namespace: &str) -> Binding {
    let kind = if namespace.is_empty() || dice.below(2) == 0 {
        RoleKind::ClusterRole
    } else {
        RoleKind::Role
    };
    let subjects = (0..=dice.below(3)).map(|_| match dice.below(3) {
        0 => Subject::User {
            name: dice.pick(&["ann", "system:serviceaccount:one:bot"]).into(),
        },
        1 => Subject::Group {
            name: dice.pick(&["g1", "g2", "system:authenticated"]).into(),
        },
        _ => Subject::ServiceAccount {
            name: dice.pick(&["bot", "ann"]).into(),
            namespace: dice.pick(&["", "one", "two"]).into(),
        },
    });
    Binding {
        namespace: namespace.into(),
        name: "binding".into(),
        subjects: subjects.collect(),
        role: RoleRef {
            kind,
            name: dice.pick(&["r1", "r2", "missing"]).into(),
        },
    }
}

/// What a user may do, by writing out everything: (verb, thing, namespace) and (verb, path).
#[derive(Default)]
struct Naive {
    things: HashSet<(&'static str, Thing, &'static str)>,
    paths: HashSet<(&'static str, &'static str)>,
}

impl Naive {
    fn of(lists: &Lists, user: &UserInfo) -> Self {
        let mut naive = Self::default();
        let roles: HashMap<_, _> = lists
            .roles
            .iter()
            .map(|role| ((role.namespace.as_str(), role.name.as_str()), &role.rules))
            .collect();
        for binding in lists.cluster_bindings.iter().chain(&lists.bindings) {
            if !binding
                .subjects
                .iter()
                .any(|s| names(s, &binding.namespace, user))
            {
                continue;
            }
            let home = match binding.role.kind {
                RoleKind::ClusterRole => "",
                RoleKind::Role => &binding.namespace,
            };
            for rule in roles
                .get(&(home, binding.role.name.as_str()))
                .into_iter()
                .copied()
                .flatten()
            {
                naive.add(rule, &binding.namespace);
            }
        }
        naive
    }

    fn add(&mut self, rule: &Rule, namespace: &str) {
        let verbs = VERBS
            .iter()
            .filter(|v| rule.verbs.iter().any(|named| *named == "*" || named == **v));
        let reach = NAMESPACES
            .iter()
            .filter(|n| namespace.is_empty() || **n == namespace);
        let reach: Vec<_> = reach.copied().collect();
        let granted: Vec<_> = things().into_iter().filter(|t| grants(rule, *t)).collect();
        for verb in verbs {
            for place in &reach {
                self.things
                    .extend(granted.iter().map(|thing| (*verb, *thing, *place)));
            }
            if namespace.is_empty() {
                let paths = PATHS
                    .iter()
                    .filter(|path| rule.non_resource_urls.iter().any(|named| glob(named, path)));
                self.paths.extend(paths.map(|path| (*verb, *path)));
            }
        }
    }
}

fn names(subject: &Subject, binding_namespace: &str, user: &UserInfo) -> bool {
    match subject {
        Subject::User { name } => *name == user.name,
        Subject::Group { name } => user.groups.contains(name),
        Subject::ServiceAccount { name, namespace } => {
            let namespace = if namespace.is_empty() {
                binding_namespace
            } else {
                namespace
            };
            let full = format!("system:serviceaccount:{namespace}:{name}");
            !namespace.is_empty() && user.name == full
        }
    }
}

/// The texts that a rule may use for a thing, written out.
fn grants(rule: &Rule, (group, resource, subresource, name): Thing) -> bool {
    let mut texts = vec!["*".to_owned()];
    if subresource.is_empty() {
        texts.push(resource.to_owned());
    } else {
        texts.push(format!("{resource}/{subresource}"));
        texts.push(format!("*/{subresource}"));
    }
    let group = rule.api_groups.iter().any(|g| g == "*" || g == group);
    let resource = rule.resources.iter().any(|r| texts.contains(r));
    group
        && resource
        && (rule.resource_names.is_empty() || rule.resource_names.contains(&name.to_owned()))
}

/// Stars only at the end.
fn glob(pattern: &str, path: &str) -> bool {
    let mut head = pattern;
    while let Some(shorter) = head.strip_suffix('*') {
        head = shorter;
    }
    if head == pattern {
        pattern == path
    } else {
        path.get(..head.len()) == Some(head)
    }
}

#[test]
fn agrees_with_a_naive_evaluator() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let users = [
        UserInfo::new("ann", &["g1"]),
        UserInfo::service_account("one", "bot"),
        UserInfo::service_account("two", "bot"),
        UserInfo::anonymous(),
    ];
    let (mut allowed, mut refused) = (0, 0);
    for round in 0..100 {
        let lists = Arc::new(random_cluster(&mut dice));
        let rbac = Rbac::new(Arc::new(lists.table()));
        for user in &users {
            let naive = Naive::of(&lists, user);
            let mut compare = |asked: AuthzAttributes<'_>, expected: bool| {
                let decision = rbac.authorize(&asked);
                assert_eq!(
                    decision.is_allowed(),
                    expected,
                    "round {round}: {asked:?} {decision:?}"
                );
                if expected { allowed += 1 } else { refused += 1 }
            };
            for verb in VERBS {
                for thing in things() {
                    let (group, resource, subresource, name) = thing;
                    let asked = AuthzAttributes {
                        subresource,
                        name,
                        ..AuthzAttributes::resource(user, verb, group, resource)
                    };
                    for namespace in NAMESPACES {
                        let expected = naive.things.contains(&(verb, thing, namespace));
                        compare(AuthzAttributes { namespace, ..asked }, expected);
                    }
                }
                for path in PATHS {
                    let expected = naive.paths.contains(&(verb, path));
                    compare(AuthzAttributes::path(user, verb, path), expected);
                }
            }
        }
    }
    // Both answers are well represented.
    assert!(
        allowed > 10_000 && refused > 10_000,
        "{allowed} allowed, {refused} refused"
    );
}

#[test]
fn reasons_read_as_upstreams() {
    let rule = Rule {
        verbs: vec!["get".into()],
        api_groups: vec!["".into()],
        resources: vec!["pods".into()],
        ..Rule::default()
    };
    let role = |namespace: &str| Role {
        namespace: namespace.into(),
        name: "reader".into(),
        rules: vec![rule.clone()],
    };
    let binding = |namespace: &str, kind, role: &str, subject| Binding {
        namespace: namespace.into(),
        name: "b".into(),
        role: RoleRef {
            kind,
            name: role.into(),
        },
        subjects: vec![subject],
    };
    let group = |name: &str| Subject::Group { name: name.into() };
    let bot = Subject::ServiceAccount {
        name: "bot".into(),
        namespace: String::new(),
    };
    let rbac = Rbac::new(Arc::new(Lists {
        cluster_bindings: vec![
            binding("", RoleKind::ClusterRole, "gone", group("g")),
            binding("", RoleKind::ClusterRole, "gone", group("g")),
            binding("", RoleKind::ClusterRole, "reader", group("readers")),
        ],
        bindings: vec![
            binding("ns", RoleKind::Role, "away", group("g")),
            binding("ns", RoleKind::Role, "reader", bot),
        ],
        roles: vec![role(""), role("ns")],
    }));
    let rows = [
        (
            UserInfo::new("ann", &["readers"]),
            "RBAC: allowed by ClusterRoleBinding \"b\" of ClusterRole \"reader\" to Group \
             \"readers\"",
        ),
        (
            UserInfo::service_account("ns", "bot"),
            "RBAC: allowed by RoleBinding \"b/ns\" of Role \"reader\" to ServiceAccount \"bot/ns\"",
        ),
        (
            UserInfo::new("ann", &["g"]),
            "RBAC: [clusterrole.rbac.authorization.k8s.io \"gone\" not found, \
             role.rbac.authorization.k8s.io \"away\" not found]",
        ),
        (UserInfo::anonymous(), ""),
    ];
    for (user, expected) in rows {
        let asked = AuthzAttributes {
            namespace: "ns",
            ..AuthzAttributes::resource(&user, "get", "", "pods")
        };
        let (Decision::Allow(reason) | Decision::Deny(reason) | Decision::NoOpinion(reason)) =
            rbac.authorize(&asked);
        assert_eq!(reason, expected);
    }
}

/// Each group of a review looked for in each of a binding's takes minutes.
#[test]
fn many_groups_are_found_soon() {
    const MANY: usize = 50_000;
    let groups = |what: &str| (0..MANY).map(|n| format!("{what}{n}")).collect::<Vec<_>>();
    let named = groups("b").into_iter().chain(["both".to_owned()]);
    let subjects = named.map(|name| Subject::Group { name });
    let mut table = RuleTable::default();
    table.put_binding(Binding {
        namespace: String::new(),
        name: "wide".into(),
        role: RoleRef {
            kind: RoleKind::ClusterRole,
            name: "viewer".into(),
        },
        subjects: subjects.collect(),
    });
    let verbs = vec!["get".to_owned()];
    table.put_role(Role {
        namespace: String::new(),
        name: "viewer".into(),
        rules: vec![Rule {
            verbs,
            api_groups: vec![String::new()],
            resources: vec!["pods".into()],
            ..Rule::default()
        }],
    });
    let mut user = UserInfo::new("ann", &["both"]);
    user.groups.extend(groups("a"));
    let asked = AuthzAttributes::resource(&user, "get", "", "pods");
    let decision = Rbac::new(Arc::new(table)).authorize(&asked);
    let expected =
        "RBAC: allowed by ClusterRoleBinding \"wide\" of ClusterRole \"viewer\" to Group \"both\"";
    assert_eq!(decision, Decision::Allow(expected.into()));
}

#[test]
fn api_objects_decode() {
    let subjects = serde_json::json!([
        {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann"},
        {"kind": "Group", "name": "g"},
        {"kind": "ServiceAccount", "name": "bot", "namespace": "ns"},
        {"kind": "ServiceAccount", "name": "bot"},
    ]);
    let subjects: Vec<Subject> = serde_json::from_value(subjects).expect("subjects");
    let account = |namespace: &str| Subject::ServiceAccount {
        name: "bot".into(),
        namespace: namespace.into(),
    };
    let expected = [
        Subject::User { name: "ann".into() },
        Subject::Group { name: "g".into() },
        account("ns"),
        account(""),
    ];
    assert_eq!(subjects, expected);
    let rule = serde_json::json!({"nonResourceURLs": ["/x"], "verbs": ["get"]});
    let rule: Rule = serde_json::from_value(rule).expect("rule");
    assert_eq!(rule.non_resource_urls, ["/x"]);
}
