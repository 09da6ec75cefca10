use super::*;
use expect_test::expect;

/// Node n1 has the pod ns/mine and all that it refers to.
struct Mine;

impl NodeGraph for Mine {
    fn relates(&self, node: &str, kind: NodeObject, namespace: &str, name: &str) -> bool {
        let cluster = matches!(
            kind,
            NodeObject::PersistentVolume | NodeObject::VolumeAttachment | NodeObject::ResourceSlice
        );
        let home = if cluster { "" } else { "ns" };
        node == "n1" && name == "mine" && namespace == home
    }
}

/// A request in four words: `get /pods/status ns/web field=value`; the last is optional.
fn ask(user: &UserInfo, line: &str) -> Decision {
    let words: Vec<_> = line.split(' ').collect();
    let mut resource = words[1].split('/');
    let (namespace, name) = words[2].split_once('/').expect("namespace/name");
    let attributes = AuthzAttributes {
        user,
        verb: words[0],
        group: resource.next().unwrap_or(""),
        resource: resource.next().unwrap_or(""),
        subresource: resource.next().unwrap_or(""),
        namespace,
        name,
        field_selector: words.get(3).copied().unwrap_or(""),
        path: None,
    };
    NodeAuthorizer::new(Arc::new(Mine)).authorize(&attributes)
}

fn shown(lines: &str) -> String {
    let user = UserInfo::node("n1");
    let answers = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let answers = answers.map(|line| match ask(&user, line) {
        Decision::Allow(_) => format!("yes {line}\n"),
        Decision::NoOpinion(why) | Decision::Deny(why) => format!("no  {line}: {why}\n"),
    });
    answers.collect()
}

#[test]
fn everything_an_in_process_kubelet_does_is_allowed() {
    let lines = "
        list /pods / spec.nodeName=n1
        watch /pods / spec.nodeName=n1,status.phase!=Failed
        get /pods ns/mine
        patch /pods/status ns/mine
        update /pods/status ns/mine
        delete /pods ns/mine
        create /pods ns/
        create /pods/eviction ns/mine
        create /nodes /
        get /nodes /n1
        list /nodes / metadata.name=n1
        watch /nodes / metadata.name=n1
        update /nodes /n1
        patch /nodes /n1
        update /nodes/status /n1
        patch /nodes/status /n1
        create coordination.k8s.io/leases kube-node-lease/
        get coordination.k8s.io/leases kube-node-lease/n1
        update coordination.k8s.io/leases kube-node-lease/n1
        patch coordination.k8s.io/leases kube-node-lease/n1
        create /events ns/
        patch /events ns/x
        create events.k8s.io/events ns/
        list /services /
        watch /services /
        get /configmaps ns/mine
        watch /configmaps ns/mine metadata.name=mine
        get /secrets ns/mine
        list /secrets ns/mine
        get /serviceaccounts ns/mine
        create /serviceaccounts/token ns/mine
        get /persistentvolumeclaims ns/mine
        patch /persistentvolumeclaims/status ns/mine
        get /persistentvolumes /mine
        list node.k8s.io/runtimeclasses /
        watch storage.k8s.io/csidrivers /
        create storage.k8s.io/csinodes /
        create authentication.k8s.io/tokenreviews /
        create authorization.k8s.io/subjectaccessreviews /
        create certificates.k8s.io/certificatesigningrequests /";
    let refused: String = shown(lines)
        .lines()
        .filter(|line| line.starts_with("no"))
        .collect();
    assert_eq!(refused, "");
}

#[test]
fn everything_else_is_refused_in_upstreams_words() {
    expect![[r#"
        no  list /pods /: can only list/watch pods with spec.nodeName field selector
        no  list /pods / spec.nodeName=n2: can only list/watch pods with spec.nodeName field selector
        no  watch /pods / spec.nodeName!=n1: can only list/watch pods with spec.nodeName field selector
        no  get /pods ns/other: no relationship found between node 'n1' and this object
        no  watch /pods ns/other: no relationship found between node 'n1' and this object
        no  patch /pods ns/mine: 
        no  get /pods/log ns/mine: 
        no  delete /pods ns/other: node "n1" can only delete pods with spec.nodeName set to itself
        no  deletecollection /pods ns/: 
        no  patch /pods/status ns/other: node "n1" can only update pod status for pods with spec.nodeName set to itself
        no  create /pods/eviction ns/other: node "n1" can only evict pods with spec.nodeName set to itself
        no  create /pods/binding ns/mine: 
        no  get /nodes /n2: node 'n1' cannot read 'n2', only its own Node object
        no  list /nodes /: node 'n1' cannot read all nodes, only its own Node object
        no  update /nodes /n2: node "n1" is not allowed to modify node "n2"
        no  patch /nodes/status /n2: node "n1" is not allowed to modify node "n2"
        no  delete /nodes /n1: 
        no  get /nodes/proxy /n1: 
        no  get coordination.k8s.io/leases kube-system/n1: can only access leases in the "kube-node-lease" system namespace
        no  list coordination.k8s.io/leases kube-node-lease/: can only get, create, update, patch, or delete a node lease
        no  update coordination.k8s.io/leases kube-node-lease/n2: can only access node lease with the same name as the requesting node
        no  get /secrets ns/other: no relationship found between node 'n1' and this object
        no  get /secrets other/mine: no relationship found between node 'n1' and this object
        no  list /secrets ns/: No Object name found
        no  watch /secrets /: can only read namespaced object of this type
        no  update /secrets ns/mine: can only read resources of this type
        no  get /configmaps/x ns/mine: cannot read subresource
        no  get /configmaps ns/: No Object name found
        no  list /serviceaccounts ns/: can only create tokens for individual service accounts
        no  create /serviceaccounts/token ns/other: no relationship found between node 'n1' and this object
        no  create /serviceaccounts/token ns/: can only create tokens for individual service accounts
        no  create /serviceaccounts ns/mine: can only create token subresource of serviceaccount
        no  list /persistentvolumeclaims ns/: can only get individual resources of this type
        no  get /persistentvolumeclaims ns/other: no relationship found between node 'n1' and this object
        no  delete /persistentvolumeclaims/status ns/mine: can only get/update/patch this type
        no  get /persistentvolumes/status /mine: cannot get subresource
        no  list /persistentvolumes /: can only get individual resources of this type
        no  get storage.k8s.io/volumeattachments /other: no relationship found between node 'n1' and this object
        no  update storage.k8s.io/csinodes /n2: can only access CSINode with the same name as the requesting node
        no  list storage.k8s.io/csinodes /: can only get, create, update, patch, or delete a CSINode
        no  get storage.k8s.io/csinodes/status /n1: cannot authorize CSINode subresources
        no  list resource.k8s.io/resourceslices /: can only list/watch/deletecollection resourceslices with nodeName field selector
        no  get resource.k8s.io/resourceslices /other: no relationship found between node 'n1' and this object
        no  approve resource.k8s.io/resourceslices /mine: only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection
        no  list /namespaces /: 
        no  list apps/deployments ns/: 
        no  create rbac.authorization.k8s.io/clusterrolebindings /: 
    "#]].assert_eq(&shown(
        "
        list /pods /
        list /pods / spec.nodeName=n2
        watch /pods / spec.nodeName!=n1
        get /pods ns/other
        watch /pods ns/other
        patch /pods ns/mine
        get /pods/log ns/mine
        delete /pods ns/other
        deletecollection /pods ns/
        patch /pods/status ns/other
        create /pods/eviction ns/other
        create /pods/binding ns/mine
        get /nodes /n2
        list /nodes /
        update /nodes /n2
        patch /nodes/status /n2
        delete /nodes /n1
        get /nodes/proxy /n1
        get coordination.k8s.io/leases kube-system/n1
        list coordination.k8s.io/leases kube-node-lease/
        update coordination.k8s.io/leases kube-node-lease/n2
        get /secrets ns/other
        get /secrets other/mine
        list /secrets ns/
        watch /secrets /
        update /secrets ns/mine
        get /configmaps/x ns/mine
        get /configmaps ns/
        list /serviceaccounts ns/
        create /serviceaccounts/token ns/other
        create /serviceaccounts/token ns/
        create /serviceaccounts ns/mine
        list /persistentvolumeclaims ns/
        get /persistentvolumeclaims ns/other
        delete /persistentvolumeclaims/status ns/mine
        get /persistentvolumes/status /mine
        list /persistentvolumes /
        get storage.k8s.io/volumeattachments /other
        update storage.k8s.io/csinodes /n2
        list storage.k8s.io/csinodes /
        get storage.k8s.io/csinodes/status /n1
        list resource.k8s.io/resourceslices /
        get resource.k8s.io/resourceslices /other
        approve resource.k8s.io/resourceslices /mine
        list /namespaces /
        list apps/deployments ns/
        create rbac.authorization.k8s.io/clusterrolebindings /",
    ));
}

#[test]
fn only_nodes_are_judged() {
    let rows = [
        (UserInfo::new("system:node:n1", &[]), ""),
        (UserInfo::new("n1", &["system:nodes"]), ""),
        (UserInfo::node(""), "unknown node for user \"system:node:\""),
    ];
    for (user, why) in rows {
        let decision = ask(&user, "get /nodes /n1");
        assert_eq!(decision, Decision::NoOpinion(why.into()));
    }
}
