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
    assert_eq!(refused, Err(TooMany::Parts(usize::MAX)));
    let told = missing(&[], &[wide(15)]).expect("few enough");
    assert_eq!(told.len(), MOST_MISSING);
    let refused = missing(&[], &[wide(15), wide(15)]);
    assert_eq!(refused, Err(TooMany::Parts(101_250)));
    // Nor is a long name said a thousand times.
    let mut long = wide(15);
    long.resource_names[0] = "n".repeat(2_000_000);
    let told = missing(&[], &[long]).expect("few enough");
    assert_eq!(told.len(), 1);
    // What gives nothing is not multiplied at all.
    let no_verbs = Rule {
        verbs: Vec::new(),
        ..wide(100_000)
    };
    assert_eq!(missing(&[], &[no_verbs]), Ok(Vec::new()));
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

/// The writer's own rules are of their own choice, if they may bind them.
#[test]
fn a_writer_of_many_rules_costs_no_more_than_a_little() {
    let names = |many: usize| (0..many).map(|n| format!("name{n}")).collect::<Vec<_>>();
    let mut owned = rules("get apps/deployments x; get apps/*");
    owned[0].resource_names = names(100_000);
    let mut wanted = rules("get apps/deployments x");
    wanted[0].resource_names = names(100_000);
    wanted[0].resource_names.reverse();
    assert_eq!(missing(&owned, &wanted), Ok(Vec::new()));
    wanted[0].resource_names.push("other".to_owned());
    assert_eq!(missing(&owned, &wanted), Ok(Vec::new()));
    let one = |what: &str, n: usize| rules(&format!("get apps/{what}{n}")).remove(0);
    let many = |what: &str| (0..10_000).map(|n| one(what, n)).collect::<Vec<_>>();
    let (owned, wanted) = (many("a"), many("b"));
    assert_eq!(missing(&owned, &wanted), Err(TooMany::Looks));
    assert_eq!(missing(&owned, &wanted[..10]), Ok(wanted[..10].to_vec()));
    // Looked for once is cheap; in each of the rules it is not.
    let mut long = rules("get apps/deployments x");
    long[0].resource_names = vec!["n".repeat(2_000_000)];
    let owned = vec![rules("get apps/deployments x").remove(0); 10_000];
    assert_eq!(missing(&owned[..10], &long), Ok(long.clone()));
    assert_eq!(missing(&owned, &long), Err(TooMany::Looks));
    let everything = [many("a"), rules("* */*")].concat();
    assert_eq!(missing(&everything, &wanted[..50]), Ok(Vec::new()));
}
