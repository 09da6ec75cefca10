use apimachinery::{GroupVersionKind, Object};
use expect_test::{Expect, expect};

use super::*;
use crate::facts::Facts;
use crate::patch::strategic;

fn ty() -> TypeRef<'static> {
    let gvk = GroupVersionKind::new("apps", "v1", "Deployment");
    Facts::builtin().kind(&gvk).expect("a built-in kind")
}

fn map(value: Value) -> Json {
    Object::from_value(value).expect("an object").0
}

/// A deployment with this pod spec.
fn pod(spec: Value) -> Json {
    map(json!({"spec": {"template": {"spec": spec}}}))
}

/// Shows the patch and what the live object becomes by it.
#[track_caller]
fn check(original: Json, modified: Json, current: Json, expected: Expect) {
    let patch = create_three_way_strategic(&original, &modified, &current, ty()).expect("a patch");
    let mut live = Value::Object(current);
    strategic(&mut live, &patch, ty()).expect("the patch applies");
    let live_map = live.as_object().expect("an object");
    // Applying again changes nothing, though where the live object has items of its own the
    // patch still tells the order of the others.
    let again = create_three_way_strategic(&modified, &modified, live_map, ty()).expect("a patch");
    let mut twice = live.clone();
    strategic(&mut twice, &again, ty()).expect("the patch applies");
    assert_eq!(twice, live);
    let short = |value: &Value| {
        let text = value.to_string();
        let pod = text.strip_prefix(r#"{"spec":{"template":{"spec":"#);
        let pod = pod.and_then(|pod| pod.strip_suffix("}}}"));
        pod.map_or(text.clone(), |pod| format!("POD({pod})"))
    };
    expected.assert_eq(&format!("{}\n{}", short(&patch), short(&live)));
}

#[test]
fn fields_change_vanish_and_stay() {
    check(
        map(
            json!({"metadata": {"labels": {"a": "1", "gone": "x"}}, "spec": {"replicas": 2, "paused": true}}),
        ),
        map(json!({"metadata": {"labels": {"a": "2"}}, "spec": {"replicas": 3}})),
        map(
            json!({"metadata": {"labels": {"a": "1", "gone": "x", "live": "y"}, "uid": "u"},
            "spec": {"replicas": 2, "paused": true}, "status": {"replicas": 2}}),
        ),
        expect![[r#"
            {"metadata":{"labels":{"a":"2","gone":null}},"spec":{"paused":null,"replicas":3}}
            {"metadata":{"labels":{"a":"2","live":"y"},"uid":"u"},"spec":{"replicas":3},"status":{"replicas":2}}"#]],
    );
}

#[test]
fn containers_come_go_and_keep_their_order() {
    check(
        pod(json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b"}]})),
        pod(json!({"containers": [{"name": "c"}, {"name": "a", "image": "a:2"}]})),
        pod(
            json!({"containers": [{"name": "a", "image": "a:1", "tty": true}, {"name": "b"}, {"name": "injected"}]}),
        ),
        expect![[r#"
            POD({"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],"containers":[{"name":"c"},{"image":"a:2","name":"a"},{"$patch":"delete","name":"b"}]})
            POD({"containers":[{"name":"c"},{"image":"a:2","name":"a","tty":true},{"name":"injected"}]})"#]],
    );
}

#[test]
fn a_volume_changes_its_source() {
    check(
        pod(json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
        pod(json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}]})),
        pod(json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
        expect![[r#"
            POD({"$setElementOrder/volumes":[{"name":"v"}],"volumes":[{"$retainKeys":["configMap","name"],"configMap":{"name":"c"},"emptyDir":null,"name":"v"}]})
            POD({"volumes":[{"configMap":{"name":"c"},"name":"v"}]})"#]],
    );
}

#[test]
fn the_strategy_retains_its_keys() {
    let strategy = |value: Value| map(json!({"spec": {"strategy": value}}));
    check(
        strategy(json!({"type": "RollingUpdate"})),
        strategy(json!({"type": "Recreate"})),
        strategy(json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})),
        expect![[r#"
            {"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}
            {"spec":{"strategy":{"type":"Recreate"}}}"#]],
    );
}

#[test]
fn plain_lists_tell_deletions_beside() {
    let finalizers = |list: Value| map(json!({"metadata": {"finalizers": list}}));
    check(
        finalizers(json!(["a", "b"])),
        finalizers(json!(["c", "a"])),
        finalizers(json!(["a", "b", "live"])),
        expect![[r#"
            {"metadata":{"$deleteFromPrimitiveList/finalizers":["b"],"$setElementOrder/finalizers":["c","a"],"finalizers":["c"]}}
            {"metadata":{"finalizers":["c","a","live"]}}"#]],
    );
}

#[test]
fn nested_lists_carry_their_orders() {
    let ports = |list: Value| pod(json!({"containers": [{"name": "a", "ports": list}]}));
    check(
        ports(json!([{"containerPort": 80}, {"containerPort": 81}])),
        ports(json!([{"containerPort": 82}, {"containerPort": 80, "name": "web"}])),
        ports(
            json!([{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 81, "protocol": "TCP"}]),
        ),
        expect![[r#"
            POD({"$setElementOrder/containers":[{"name":"a"}],"containers":[{"$setElementOrder/ports":[{"containerPort":82},{"containerPort":80}],"name":"a","ports":[{"containerPort":82},{"containerPort":80,"name":"web"},{"$patch":"delete","containerPort":81}]}]})
            POD({"containers":[{"name":"a","ports":[{"containerPort":82},{"containerPort":80,"name":"web","protocol":"TCP"}]}]})"#]],
    );
}

#[test]
fn two_ways() {
    let old = pod(json!({"containers": [{"name": "a", "image": "1"}], "hostname": "h"}));
    let new = pod(json!({"containers": [{"name": "a", "image": "2"}]}));
    let patch = create_two_way_strategic(&old, &new, ty()).expect("a patch");
    let mut live = Value::Object(old);
    strategic(&mut live, &patch, ty()).expect("the patch applies");
    assert_eq!(live, Value::Object(new));
}

/// A small generator: numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn pick<'p>(&mut self, from: &[&'p str]) -> Vec<&'p str> {
        let mut out: Vec<&str> = from.iter().copied().filter(|_| self.roll(2) == 0).collect();
        for at in (1..out.len()).rev() {
            let other = usize::try_from(self.roll(at as u64 + 1)).expect("small");
            out.swap(at, other);
        }
        out
    }

    fn container(&mut self, name: &str) -> Value {
        let env = self.pick(&["A", "B", "C"]).into_iter();
        let env: Vec<Value> = env
            .map(|name| json!({"name": name, "value": self.roll(3).to_string()}))
            .collect();
        let ports = self.pick(&["80", "81", "82"]).into_iter();
        let ports: Vec<Value> = ports
            .map(|port| json!({"containerPort": port.parse::<u16>().expect("a port")}))
            .collect();
        json!({"name": name, "image": self.roll(2).to_string(), "env": env, "ports": ports,
            "command": self.pick(&["x", "y"])})
    }

    /// A deployment out of few names, so that two of them overlap.
    fn deployment(&mut self) -> Json {
        let containers = self.pick(&["a", "b", "c", "d"]).into_iter();
        let containers: Vec<Value> = containers.map(|name| self.container(name)).collect();
        let volumes = self.pick(&["v", "w"]).into_iter();
        let volumes: Vec<Value> = volumes
            .map(|name| match self.roll(3) {
                0 => json!({"name": name, "emptyDir": {}}),
                1 => json!({"name": name, "configMap": {"name": "c"}}),
                _ => json!({"name": name, "secret": {"secretName": "s", "optional": true}}),
            })
            .collect();
        let labels = self.pick(&["l", "m", "n"]).into_iter();
        let labels: Json = labels
            .map(|l| (l.to_owned(), self.roll(2).to_string().into()))
            .collect();
        let strategy = match self.roll(2) {
            0 => json!({"type": "Recreate"}),
            _ => json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": self.roll(3)}}),
        };
        map(
            json!({"metadata": {"labels": labels, "finalizers": self.pick(&["f", "g", "h"])},
            "spec": {"replicas": self.roll(3), "strategy": strategy,
                "template": {"spec": {"containers": containers, "volumes": volumes}}}}),
        )
    }
}

/// Without knowing the last applied object, a patch from the live one leads to the wanted one.
#[test]
fn any_two_objects_are_one_patch_apart() {
    let mut dice = Dice(7);
    for round in 0..500 {
        let (old, new) = (dice.deployment(), dice.deployment());
        let patch = create_two_way_strategic(&old, &new, ty()).expect("a patch");
        let mut live = Value::Object(old);
        strategic(&mut live, &patch, ty()).expect("the patch applies");
        assert_eq!(live, Value::Object(new), "round {round}: {patch}");
    }
}

/// When the live object is what was applied last, three ways are as good as two.
#[test]
fn an_untouched_object_becomes_what_is_applied() {
    let mut dice = Dice(11);
    for round in 0..500 {
        let (old, new) = (dice.deployment(), dice.deployment());
        let patch = create_three_way_strategic(&old, &new, &old, ty()).expect("a patch");
        let mut live = Value::Object(old);
        strategic(&mut live, &patch, ty()).expect("the patch applies");
        assert_eq!(live, Value::Object(new), "round {round}: {patch}");
    }
}
