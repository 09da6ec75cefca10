//! Every row of the table with every verb and subresource. A row without a fixture fails.

use apimachinery::GroupVersionKind;
use resources::{Resource, Subresource, Verb, by_kind, served};
use serde_json::{Value, json};

use crate::world::{Answer, Said, World, collection, fixture};

const VERBS: [Verb; 8] = [
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

/// What a client that asks for component statuses is told.
const DEPRECATED: &str = "299 - \"v1 ComponentStatus is deprecated in v1.19+\"";

/// One row's visit.
struct Visit<'a> {
    world: &'a World,
    row: &'static Resource,
    sent: Value,
    all: String,
    one: String,
}

#[tokio::test]
async fn every_kind_with_every_verb() {
    for row in served() {
        let world = World::new().await;
        let sent = fixture(row);
        let all = collection(row, &sent);
        // A review has no name.
        let name = sent["metadata"]["name"].as_str().unwrap_or("none");
        let one = format!("{all}/{name}");
        let visit = Visit {
            world: &world,
            row,
            sent,
            all,
            one,
        };
        visit.verbs_that_are_not_served().await;
        if row.answer.is_some() {
            visit.answered().await;
            continue;
        }
        visit.create().await;
        visit.read().await;
        visit.update().await;
        visit.patch().await;
        for subresource in row.subresources {
            visit.subresource(subresource).await;
        }
        visit.delete().await;
    }
}

impl Visit<'_> {
    async fn verbs_that_are_not_served(&self) {
        for verb in VERBS {
            let (method, uri) = match verb {
                Verb::Create => ("POST", self.all.clone()),
                Verb::Delete => ("DELETE", self.one.clone()),
                Verb::DeleteCollection => ("DELETE", self.all.clone()),
                Verb::Get => ("GET", self.one.clone()),
                Verb::List => ("GET", self.all.clone()),
                Verb::Patch => ("PATCH", self.one.clone()),
                Verb::Update => ("PUT", self.one.clone()),
                Verb::Watch => ("GET", format!("{}?watch=true", self.all)),
            };
            if !self.row.verbs.contains(&verb) {
                self.refused(405, method, &uri).await;
            }
        }
        self.refused(405, "POST", &self.one).await;
        self.refused(405, "PUT", &self.all).await;
        self.refused(405, "PATCH", &self.all).await;
        let missing = |verb| {
            if self.row.verbs.contains(&verb) {
                404
            } else {
                405
            }
        };
        self.refused(missing(Verb::Get), "GET", &self.one).await;
        self.refused(missing(Verb::Delete), "DELETE", &self.one)
            .await;
        self.refused(404, "GET", &format!("{}/nothing", self.one))
            .await;
        if self.row.namespaced() {
            let everywhere = client::path(&self.row.gvr(), "", &[]);
            self.refused(405, "POST", &everywhere).await;
            self.refused(405, "DELETE", &everywhere).await;
        }
    }

    async fn refused(&self, code: u16, method: &str, uri: &str) {
        let said = Said::json(&json!({}));
        let answer = self.world.expect(code, method, uri, &said).await;
        let status = answer.json();
        assert_eq!(status["kind"], "Status", "{method} {uri}");
        assert_eq!(status["status"], "Failure", "{method} {uri}");
        assert_eq!(status["code"], code, "{method} {uri}");
    }

    /// A kind that is not stored: a POST is answered, as often as it is sent.
    async fn answered(&self) {
        if self.row.answer == Some(resources::Answer::ComponentStatus) {
            let listed = self.world.get(&self.all).await;
            assert_eq!(listed.headers["warning"], DEPRECATED);
            let item = &listed.json()["items"][0];
            let one = format!("{}/{}", self.all, plain(&item["metadata"]["name"]));
            assert_eq!(&self.world.get(&one).await.json(), item);
            assert_eq!(item["conditions"][0]["message"], "ok");
            return;
        }
        let binds = self.row.answer == Some(resources::Answer::Binding);
        if binds {
            let pods = by_kind("", "Pod").expect("a row");
            let mut pod = fixture(pods);
            pod["spec"]["nodeName"] = Value::Null;
            self.world.create(&collection(pods, &pod), &pod).await;
        }
        let strict = format!("{}?dryRun=All&fieldValidation=Strict", self.all);
        for uri in [&strict, &self.all] {
            let answer = self.world.create(uri, &self.sent).await.json();
            let kind = if binds { "Status" } else { self.row.kind };
            assert_eq!(answer["kind"], kind, "{answer}");
        }
        let again = if binds { 409 } else { 201 };
        let said = Said::json(&self.sent);
        self.world.expect(again, "POST", &self.all, &said).await;
        let mut unknown = self.sent.clone();
        unknown["extra"] = 1.into();
        let said = Said::json(&unknown);
        self.world.expect(400, "POST", &strict, &said).await;
    }

    async fn create(&self) {
        let dry = format!("{}?dryRun=All&fieldValidation=Strict", self.all);
        self.world.create(&dry, &self.sent).await;
        self.refused(404, "GET", &self.one).await;

        let created = self.world.create(&self.all, &self.sent).await;
        let object = created.json();
        assert_eq!(object["kind"], self.row.kind);
        let version = self.row.gvk().group_version().to_string();
        assert_eq!(object["apiVersion"], version);
        let metadata = &object["metadata"];
        assert_eq!(metadata["creationTimestamp"], "2026-01-10T12:00:00Z");
        assert!(metadata["uid"].is_string(), "{object}");
        let generation = if self.row.generation {
            json!(1)
        } else {
            Value::Null
        };
        assert_eq!(metadata["generation"], generation, "{object}");

        let again = Said::json(&self.another(&self.sent["metadata"]["name"]));
        let again = self.world.expect(409, "POST", &self.all, &again).await;
        assert_eq!(again.text("/reason"), "AlreadyExists", "{again:?}");
    }

    async fn read(&self) {
        let stored = self.world.get(&self.one).await;
        let listed = self.world.get(&self.all).await.json();
        assert_eq!(listed["kind"], format!("{}List", self.row.kind));
        let name = &stored.json()["metadata"]["name"];
        let by_name = |list: &Value| -> Vec<Value> {
            let items = list["items"].as_array().expect("items").iter();
            items
                .filter(|item| &item["metadata"]["name"] == name)
                .cloned()
                .collect()
        };
        assert_eq!(by_name(&listed), [stored.json()]);
        let everywhere = client::path(&self.row.gvr(), "", &[]);
        let everywhere = self.world.get(&everywhere).await.json();
        assert_eq!(by_name(&everywhere), [stored.json()]);

        let selected = format!("{}?fieldSelector=metadata.name%3D{}", self.all, plain(name));
        let selected = self.world.get(&selected).await.json();
        assert_eq!(selected["items"], json!([stored.json()]));
        let none = format!("{}?labelSelector=none%3Dsuch", self.all);
        assert_eq!(self.world.get(&none).await.json()["items"], json!([]));
        for field in self.row.field_selectors {
            let uri = format!("{}?fieldSelector={}%3Dnone", self.all, field.name);
            let items = self.world.get(&uri).await.json()["items"].take();
            assert_eq!(items, json!([]), "{}", field.name);
        }

        let said = Said::accepting("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
        let partial = self.world.expect(200, "GET", &self.one, &said).await.json();
        assert_eq!(partial["kind"], "PartialObjectMetadata");
        assert_eq!(partial["metadata"], stored.json()["metadata"]);
        assert_eq!(partial["spec"], Value::Null);
    }

    async fn update(&self) {
        let stored = self.world.get(&self.one).await;
        let said = Said::json(&stored.json());
        let same = self.world.expect(200, "PUT", &self.one, &said).await;
        assert_eq!(
            same.json(),
            stored.json(),
            "what changes nothing writes nothing"
        );

        let mut changed = stored.json();
        // Of a Deployment even annotations count as a new generation; labels never do.
        changed["metadata"]["labels"]["a"] = "1".into();
        changed["metadata"]["uid"] = Value::Null;
        let said = Said::json(&changed);
        let updated = self.world.expect(200, "PUT", &self.one, &said).await;
        assert!(updated.revision() > stored.revision());
        assert_eq!(updated.text("/metadata/labels/a"), "1");
        assert_eq!(
            updated.json()["metadata"]["generation"],
            stored.json()["metadata"]["generation"],
        );
        let stale = self.world.expect(409, "PUT", &self.one, &said).await;
        assert_eq!(stale.text("/reason"), "Conflict");

        changed["metadata"]["resourceVersion"] = Value::Null;
        let code = if self.row.unconditional_update {
            200
        } else {
            422
        };
        let said = Said::json(&changed);
        self.world.expect(code, "PUT", &self.one, &said).await;

        changed["metadata"]["name"] = "another".into();
        let said = Said::json(&changed);
        self.world.expect(400, "PUT", &self.one, &said).await;
        let absent = format!("{}/another", self.all);
        let said = Said::json(&self.another(&"another".into()));
        let code = if self.row.create_on_update { 201 } else { 404 };
        self.world.expect(code, "PUT", &absent, &said).await;
    }

    async fn patch(&self) {
        let annotations = |value: &str| json!({"metadata": {"annotations": {"a": value}}});
        let operations = json!([{"op": "add", "path": "/metadata/annotations/a", "value": "4"}]);
        let rows = [
            ("application/merge-patch+json", annotations("2")),
            ("application/strategic-merge-patch+json", annotations("3")),
            ("application/json-patch+json", operations),
        ];
        for (media, patch) in rows {
            let before = self.world.get(&self.one).await;
            let said = Said::body(media, &patch.to_string());
            let dry = format!("{}?dryRun=All", self.one);
            self.world.expect(200, "PATCH", &dry, &said).await;
            assert_eq!(self.world.get(&self.one).await.json(), before.json());
            let patched = self.world.expect(200, "PATCH", &self.one, &said).await;
            assert!(patched.revision() > before.revision(), "{media}");
            let again = self.world.expect(200, "PATCH", &self.one, &said).await;
            assert_eq!(again.json(), patched.json(), "{media}");
        }
        let said = Said::body("text/plain", "x");
        self.world.expect(415, "PATCH", &self.one, &said).await;
    }

    async fn subresource(&self, subresource: &Subresource) {
        let path = format!("{}/{}", self.one, subresource.name());
        self.refused(405, "DELETE", &path).await;
        match subresource {
            Subresource::Status => self.status(&path).await,
            Subresource::Scale { .. } => self.scale(&path).await,
            Subresource::View { verbs, .. } => self.view(&path, verbs).await,
            Subresource::Create { name, kind, .. } => self.post(&path, name, kind).await,
            Subresource::Connect { name, .. } => self.connect(&path, name).await,
        }
    }

    async fn status(&self, path: &str) {
        let before = self.world.get(path).await;
        assert_eq!(before.json(), self.world.get(&self.one).await.json());
        let patch = json!({"metadata": {"annotations": {"by": "status"}}, "spec": null});
        let patched = self.world.merge(path, &patch).await;
        assert_eq!(patched.text("/metadata/annotations/by"), "status");
        assert_eq!(patched.json()["spec"], before.json()["spec"]);
        assert_eq!(
            patched.json()["metadata"]["generation"],
            before.json()["metadata"]["generation"]
        );
        // The main resource keeps the status, whatever is sent.
        let kept = self.world.merge(&self.one, &json!({"status": null})).await;
        assert_eq!(kept.json(), patched.json());
        let said = Said::json(&kept.json());
        let same = self.world.expect(200, "PUT", path, &said).await;
        assert_eq!(same.json(), kept.json());
    }

    async fn scale(&self, path: &str) {
        let generation = |object: Value| object["metadata"]["generation"].as_i64();
        let old = generation(self.world.get(&self.one).await.json());
        let before = self.world.get(path).await.json();
        assert_eq!(before["kind"], "Scale");
        let mut wanted = before.clone();
        wanted["spec"]["replicas"] = 7.into();
        let said = Said::json(&wanted);
        let scaled = self.world.expect(200, "PUT", path, &said).await;
        assert_eq!(scaled.json()["spec"]["replicas"], 7);
        let stored = self.world.get(&self.one).await.json();
        assert_eq!(stored["spec"]["replicas"], 7);
        assert_eq!(generation(stored), old.map(|old| old + 1));
        self.world.expect(409, "PUT", path, &said).await;
        let patch = json!({"spec": {"replicas": 0}});
        let patched = self.world.merge(path, &patch).await.json();
        assert_eq!(patched["metadata"]["name"], before["metadata"]["name"]);
        let table = Said::accepting("application/json;as=Table;v=v1;g=meta.k8s.io");
        let table = self.world.expect(200, "GET", path, &table).await.json();
        let named = table["columnDefinitions"].as_array().into_iter().flatten();
        let names: Vec<&Value> = named.map(|column| &column["name"]).collect();
        assert_eq!(names, ["Name", "Desired", "Available", "Age"]);
        let cells = &table["rows"][0]["cells"];
        assert_eq!(cells[0], before["metadata"]["name"]);
        assert_eq!(cells[1], 0);
        let metadata = &table["rows"][0]["object"]["metadata"];
        assert_eq!(metadata["uid"], before["metadata"]["uid"]);
        let negative = json!({"spec": {"replicas": -1}}).to_string();
        let negative = Said::body("application/merge-patch+json", &negative);
        self.world.expect(422, "PATCH", path, &negative).await;
    }

    async fn view(&self, path: &str, verbs: &[Verb]) {
        let said = Said::json(&self.world.get(&self.one).await.json());
        let code = if verbs.contains(&Verb::Update) {
            200
        } else {
            405
        };
        self.world.expect(code, "PUT", path, &said).await;
        let code = if verbs.contains(&Verb::Get) { 200 } else { 405 };
        self.world.expect(code, "GET", path, &Said::nothing()).await;
    }

    async fn post(&self, path: &str, name: &str, kind: &GroupVersionKind) {
        let mut body = json!({"apiVersion": kind.group_version().to_string(), "kind": kind.kind});
        match name {
            // The fixture's pod has its node; an unbound one gets one here.
            "binding" => {
                body["target"] = json!({"kind": "Node", "name": "node-9"});
                let said = Said::json(&body);
                self.world.expect(409, "POST", path, &said).await;
                let mut unbound = self.sent.clone();
                unbound["metadata"]["name"] = "unbound".into();
                unbound["spec"]["nodeName"] = Value::Null;
                let pod = self.world.create(&self.all, &unbound).await;
                let one = format!("{}/unbound", self.all);
                self.world.create(&format!("{one}/binding"), &body).await;
                let bound = self.world.get(&one).await;
                assert_eq!(bound.text("/spec/nodeName"), "node-9");
                let generation = |pod: &Answer| pod.json()["metadata"]["generation"].clone();
                assert_eq!(generation(&bound), generation(&pod));
            }
            "eviction" => {
                let dry = format!("{path}?dryRun=All");
                self.world.create(&dry, &body).await;
                let pod = self.world.get(&self.one).await;
                assert_eq!(pod.text("/metadata/deletionTimestamp"), "");
                self.world.create(path, &body).await;
                let pod = self.world.get(&self.one).await;
                assert_eq!(
                    pod.text("/metadata/deletionTimestamp"),
                    "2026-01-10T12:00:30Z"
                );
            }
            "token" => {
                body["spec"] = json!({"expirationSeconds": 900});
                let issued = self.world.create(path, &body).await;
                assert_eq!(
                    issued.text("/status/expirationTimestamp"),
                    "2026-01-10T12:15:00Z"
                );
                let review = json!({"spec": {"token": issued.text("/status/token")}});
                let all = "/apis/authentication.k8s.io/v1/tokenreviews";
                let known = self.world.create(all, &review).await;
                let user = known.text("/status/user/username");
                let name = plain(&self.sent["metadata"]["name"]);
                assert_eq!(user, format!("system:serviceaccount:default:{name}"));
            }
            other => panic!("nothing here visits {}/{other}", self.row.plural),
        }
    }

    async fn connect(&self, path: &str, name: &str) {
        assert_eq!(name, "log", "nothing here visits {name}");
        let uri = format!("{path}?container=side&follow=true&tailLines=3&pretty=true");
        let text = self.world.get(&uri).await.body;
        let expected = "192.0.2.1:10250 /containerLogs/default/web/side?follow=true&tailLines=3";
        assert_eq!(text, expected);
        self.refused(400, "GET", path).await;
        self.refused(400, "GET", &format!("{path}?container=none"))
            .await;
    }

    async fn delete(&self) {
        let dry = format!("{}?dryRun=All", self.one);
        self.world
            .expect(200, "DELETE", &dry, &Said::nothing())
            .await;
        let uid = self.world.get(&self.one).await.text("/metadata/uid");
        let now = Said::json(&json!({"kind": "DeleteOptions", "apiVersion": "v1",
            "gracePeriodSeconds": 0}));
        let deleted = self.world.expect(200, "DELETE", &self.one, &now).await;
        if self.row.returns_deleted || self.row.plural == "namespaces" {
            assert_eq!(deleted.text("/kind"), self.row.kind);
            assert_eq!(deleted.text("/metadata/uid"), uid);
        } else {
            assert_eq!(deleted.text("/status"), "Success");
            assert_eq!(deleted.text("/details/uid"), uid);
        }
        if self.row.plural == "namespaces" {
            // Its controller has the last word.
            let mut ending = self.world.get(&self.one).await.json();
            assert_eq!(ending["status"]["phase"], "Terminating");
            ending["spec"]["finalizers"] = json!([]);
            let path = format!("{}/finalize", self.one);
            self.world
                .expect(200, "PUT", &path, &Said::json(&ending))
                .await;
        }
        self.refused(404, "GET", &self.one).await;
        if self.row.verbs.contains(&Verb::DeleteCollection) {
            self.delete_collection(&now).await;
        }
    }

    /// The same under another name. A Service asks for addresses, which only one can have.
    fn another(&self, name: &Value) -> Value {
        let mut another = self.sent.clone();
        another["metadata"]["name"] = name.clone();
        if self.row.plural == "services" {
            another["spec"] = json!({"ports": [{"port": 80}]});
        }
        another
    }

    async fn delete_collection(&self, now: &Said) {
        let mut labelled = self.sent.clone();
        labelled["metadata"]["labels"]["pick"] = "me".into();
        self.world.create(&self.all, &labelled).await;
        let other = self.another(&"stays".into());
        self.world.create(&self.all, &other).await;
        let uri = format!("{}?labelSelector=pick%3Dme", self.all);
        let deleted = self.world.expect(200, "DELETE", &uri, now).await.json();
        assert_eq!(deleted["kind"], format!("{}List", self.row.kind));
        assert_eq!(deleted["items"][0]["metadata"]["labels"]["pick"], "me");
        self.refused(404, "GET", &self.one).await;
        self.world.get(&format!("{}/stays", self.all)).await;
    }
}

fn plain(name: &Value) -> &str {
    name.as_str().expect("a name")
}
