//! What must hold of every row.

use std::collections::BTreeSet;

use resources::{RESOURCES, Subresource, by_kind, by_resource};

use crate::harness::{create, file_name, fixture, text, update};

#[test]
fn names_and_prefixes_are_unique() {
    let mut seen = BTreeSet::new();
    for row in RESOURCES {
        let names = [row.plural, row.singular, row.kind].into_iter();
        let names: BTreeSet<&str> = names.chain(row.short_names.iter().copied()).collect();
        for name in names {
            assert!(seen.insert((row.group, name)), "{name} is there twice");
        }
        if row.answer.is_some() {
            continue;
        }
        let is_own = row.stored_as.is_none();
        assert_eq!(
            seen.insert(("/registry", row.prefix)),
            is_own,
            "{}",
            row.prefix
        );
        assert!(
            !row.prefix.ends_with('/') && !row.prefix.is_empty(),
            "{}",
            row.kind
        );
    }
}

#[test]
fn rows_are_found_by_what_is_served() {
    for row in RESOURCES {
        assert!(
            row.versions
                .iter()
                .any(|version| version.name == row.storage),
            "{}",
            row.kind
        );
        let served = row.not_yet.is_none().then_some(std::ptr::from_ref(*row));
        for version in row.versions {
            let found = by_resource(row.group, version.name, row.plural);
            let found = found.map(|found| std::ptr::from_ref(found.row));
            assert_eq!(found, served, "{}", row.kind);
        }
        assert!(row.stored_row().stored_as.is_none(), "{}", row.kind);
        let found = by_kind(row.group, row.kind);
        assert_eq!(found.map(std::ptr::from_ref), served, "{}", row.kind);
        for subresource in row.subresources {
            assert!(row.subresource(subresource.name()).is_some());
        }
    }
    assert!(by_resource("", "v2", "pods").is_none());
}

/// As `kubectl api-resources -o wide` would tell.
#[test]
fn facts() {
    let mut out = String::new();
    for row in RESOURCES {
        let mut subresources: Vec<&str> = row.subresources.iter().map(Subresource::name).collect();
        subresources.sort_unstable();
        let verbs: Vec<&str> = row.verbs.iter().map(|verb| verb.as_str()).collect();
        out.push_str(&format!(
            "{} {} {:?} short={:?} all={} /{} sub={} verbs={} gen={} create={} free={}{}\n",
            row.gvr().group_resource(),
            row.kind,
            row.scope,
            row.short_names,
            row.categories.contains(&"all"),
            row.prefix,
            subresources.join(","),
            verbs.len(),
            row.generation,
            row.create_on_update,
            row.unconditional_update,
            if row.returns_deleted { " returned" } else { "" },
        ));
    }
    expect_test::expect![[r#"
        bindings Binding Namespaced short=[] all=false / sub= verbs=1 gen=false create=false free=true
        componentstatuses ComponentStatus Cluster short=["cs"] all=false / sub= verbs=2 gen=false create=false free=true
        configmaps ConfigMap Namespaced short=["cm"] all=false /configmaps sub= verbs=8 gen=false create=false free=true
        endpoints Endpoints Namespaced short=["ep"] all=false /services/endpoints sub= verbs=8 gen=false create=true free=true
        events Event Namespaced short=["ev"] all=false /events sub= verbs=8 gen=false create=true free=true
        limitranges LimitRange Namespaced short=["limits"] all=false /limitranges sub= verbs=8 gen=false create=true free=true
        namespaces Namespace Cluster short=["ns"] all=false /namespaces sub=finalize,status verbs=7 gen=false create=false free=true
        nodes Node Cluster short=["no"] all=false /minions sub=status verbs=8 gen=false create=false free=true
        persistentvolumeclaims PersistentVolumeClaim Namespaced short=["pvc"] all=false /persistentvolumeclaims sub=status verbs=8 gen=false create=false free=true returned
        persistentvolumes PersistentVolume Cluster short=["pv"] all=false /persistentvolumes sub=status verbs=8 gen=false create=false free=true returned
        pods Pod Namespaced short=["po"] all=true /pods sub=binding,eviction,log,status verbs=8 gen=true create=false free=true returned
        podtemplates PodTemplate Namespaced short=[] all=false /podtemplates sub= verbs=8 gen=true create=false free=true returned
        replicationcontrollers ReplicationController Namespaced short=["rc"] all=true /controllers sub=scale,status verbs=8 gen=true create=false free=true
        resourcequotas ResourceQuota Namespaced short=["quota"] all=false /resourcequotas sub=status verbs=8 gen=false create=false free=true returned
        secrets Secret Namespaced short=[] all=false /secrets sub= verbs=8 gen=false create=false free=true
        serviceaccounts ServiceAccount Namespaced short=["sa"] all=false /serviceaccounts sub=token verbs=8 gen=false create=false free=true returned
        services Service Namespaced short=["svc"] all=true /services/specs sub=status verbs=8 gen=false create=true free=true returned
        apiservices.apiregistration.k8s.io APIService Cluster short=[] all=false /apiregistration.k8s.io/apiservices sub=status verbs=8 gen=false create=false free=false
        controllerrevisions.apps ControllerRevision Namespaced short=[] all=false /controllerrevisions sub= verbs=8 gen=false create=false free=true
        daemonsets.apps DaemonSet Namespaced short=["ds"] all=true /daemonsets sub=status verbs=8 gen=true create=false free=true
        deployments.apps Deployment Namespaced short=["deploy"] all=true /deployments sub=scale,status verbs=8 gen=true create=false free=true
        replicasets.apps ReplicaSet Namespaced short=["rs"] all=true /replicasets sub=scale,status verbs=8 gen=true create=false free=true
        statefulsets.apps StatefulSet Namespaced short=["sts"] all=true /statefulsets sub=scale,status verbs=8 gen=true create=false free=true
        events.events.k8s.io Event Namespaced short=["ev"] all=false /events sub= verbs=8 gen=false create=true free=true
        selfsubjectreviews.authentication.k8s.io SelfSubjectReview Cluster short=[] all=false / sub= verbs=1 gen=false create=false free=true
        tokenreviews.authentication.k8s.io TokenReview Cluster short=[] all=false / sub= verbs=1 gen=false create=false free=true
        localsubjectaccessreviews.authorization.k8s.io LocalSubjectAccessReview Namespaced short=[] all=false / sub= verbs=1 gen=false create=false free=true
        selfsubjectaccessreviews.authorization.k8s.io SelfSubjectAccessReview Cluster short=[] all=false / sub= verbs=1 gen=false create=false free=true
        selfsubjectrulesreviews.authorization.k8s.io SelfSubjectRulesReview Cluster short=[] all=false / sub= verbs=1 gen=false create=false free=true
        subjectaccessreviews.authorization.k8s.io SubjectAccessReview Cluster short=[] all=false / sub= verbs=1 gen=false create=false free=true
        horizontalpodautoscalers.autoscaling HorizontalPodAutoscaler Namespaced short=["hpa"] all=true /horizontalpodautoscalers sub=status verbs=8 gen=false create=false free=true
        cronjobs.batch CronJob Namespaced short=["cj"] all=true /cronjobs sub=status verbs=8 gen=true create=false free=true
        jobs.batch Job Namespaced short=[] all=true /jobs sub=status verbs=8 gen=true create=false free=true
        certificatesigningrequests.certificates.k8s.io CertificateSigningRequest Cluster short=["csr"] all=false /certificatesigningrequests sub=approval,status verbs=8 gen=false create=false free=true
        ingressclasses.networking.k8s.io IngressClass Cluster short=[] all=false /ingressclasses sub= verbs=8 gen=true create=false free=true
        ingresses.networking.k8s.io Ingress Namespaced short=["ing"] all=false /ingress sub=status verbs=8 gen=true create=false free=true
        ipaddresses.networking.k8s.io IPAddress Cluster short=["ip"] all=false /ipaddresses sub= verbs=8 gen=false create=false free=true
        networkpolicies.networking.k8s.io NetworkPolicy Namespaced short=["netpol"] all=false /networkpolicies sub= verbs=8 gen=true create=false free=true
        servicecidrs.networking.k8s.io ServiceCIDR Cluster short=[] all=false /servicecidrs sub=status verbs=8 gen=false create=false free=true
        poddisruptionbudgets.policy PodDisruptionBudget Namespaced short=["pdb"] all=false /poddisruptionbudgets sub=status verbs=8 gen=true create=false free=false
        clusterrolebindings.rbac.authorization.k8s.io ClusterRoleBinding Cluster short=[] all=false /clusterrolebindings sub= verbs=8 gen=false create=true free=true
        clusterroles.rbac.authorization.k8s.io ClusterRole Cluster short=[] all=false /clusterroles sub= verbs=8 gen=false create=true free=true
        rolebindings.rbac.authorization.k8s.io RoleBinding Namespaced short=[] all=false /rolebindings sub= verbs=8 gen=false create=true free=true
        roles.rbac.authorization.k8s.io Role Namespaced short=[] all=false /roles sub= verbs=8 gen=false create=true free=true
        csidrivers.storage.k8s.io CSIDriver Cluster short=[] all=false /csidrivers sub= verbs=8 gen=false create=false free=false returned
        csinodes.storage.k8s.io CSINode Cluster short=[] all=false /csinodes sub= verbs=8 gen=false create=false free=false returned
        csistoragecapacities.storage.k8s.io CSIStorageCapacity Namespaced short=[] all=false /csistoragecapacities sub= verbs=8 gen=false create=false free=false returned
        storageclasses.storage.k8s.io StorageClass Cluster short=["sc"] all=false /storageclasses sub= verbs=8 gen=false create=false free=true returned
        volumeattachments.storage.k8s.io VolumeAttachment Cluster short=[] all=false /volumeattachments sub=status verbs=8 gen=false create=false free=false returned
        volumeattributesclasses.storage.k8s.io VolumeAttributesClass Cluster short=["vac"] all=false /volumeattributesclasses sub= verbs=8 gen=false create=false free=true returned
        mutatingwebhookconfigurations.admissionregistration.k8s.io MutatingWebhookConfiguration Cluster short=[] all=false /mutatingwebhookconfigurations sub= verbs=8 gen=true create=false free=false
        validatingadmissionpolicies.admissionregistration.k8s.io ValidatingAdmissionPolicy Cluster short=[] all=false /validatingadmissionpolicies sub=status verbs=8 gen=true create=false free=false
        validatingadmissionpolicybindings.admissionregistration.k8s.io ValidatingAdmissionPolicyBinding Cluster short=[] all=false /validatingadmissionpolicybindings sub= verbs=8 gen=true create=false free=false
        validatingwebhookconfigurations.admissionregistration.k8s.io ValidatingWebhookConfiguration Cluster short=[] all=false /validatingwebhookconfigurations sub= verbs=8 gen=true create=false free=false
        customresourcedefinitions.apiextensions.k8s.io CustomResourceDefinition Cluster short=["crd", "crds"] all=false /apiextensions.k8s.io/customresourcedefinitions sub=status verbs=8 gen=true create=false free=false
        priorityclasses.scheduling.k8s.io PriorityClass Cluster short=["pc"] all=false /priorityclasses sub= verbs=8 gen=true create=false free=true
        leases.coordination.k8s.io Lease Namespaced short=[] all=false /leases sub= verbs=8 gen=false create=true free=false
        runtimeclasses.node.k8s.io RuntimeClass Cluster short=[] all=false /runtimeclasses sub= verbs=8 gen=false create=true free=false
        endpointslices.discovery.k8s.io EndpointSlice Namespaced short=[] all=false /endpointslices sub= verbs=8 gen=true create=false free=true
        deviceclasses.resource.k8s.io DeviceClass Cluster short=[] all=false /deviceclasses sub= verbs=8 gen=true create=false free=true returned
        resourceclaims.resource.k8s.io ResourceClaim Namespaced short=[] all=false /resourceclaims sub=status verbs=8 gen=false create=false free=true returned
        resourceclaimtemplates.resource.k8s.io ResourceClaimTemplate Namespaced short=[] all=false /resourceclaimtemplates sub= verbs=8 gen=false create=false free=true returned
        resourceslices.resource.k8s.io ResourceSlice Cluster short=[] all=false /resourceslices sub= verbs=8 gen=true create=false free=true returned
        flowschemas.flowcontrol.apiserver.k8s.io FlowSchema Cluster short=[] all=false /flowschemas sub=status verbs=8 gen=true create=false free=true
        prioritylevelconfigurations.flowcontrol.apiserver.k8s.io PriorityLevelConfiguration Cluster short=[] all=false /prioritylevelconfigurations sub=status verbs=8 gen=true create=false free=true
    "#]].assert_eq(&out);
}

#[test]
fn every_row_has_a_fixture_that_is_valid_and_stays_so() {
    for row in RESOURCES {
        let sent = fixture(row);
        assert_eq!(sent.gvk(), Some(row.gvk()));
        let (stored, errors) = create(row, sent);
        assert_eq!(text(&errors), "", "{}", row.kind);
        let pretty = serde_json::to_string_pretty(&stored).expect("JSON prints") + "\n";
        expect_test::expect_file![format!("stored/{}.json", file_name(row))].assert_eq(&pretty);
        let (again, errors) = update(row, "", stored.clone(), &stored);
        assert_eq!(text(&errors), "", "{}", row.kind);
        assert_eq!(again, stored, "writing {} back changes nothing", row.kind);
        assert!(!row.strategy.starts_generation(&again, &stored));
    }
}
