use serde_json::json;

use super::{check, expect};

#[test]
fn autoscalers() {
    let metric = "/spec/metrics";
    check(
        "HorizontalPodAutoscaler",
        &[
            ("/spec/minReplicas", json!(0)),
            ("/spec/maxReplicas", json!(0)),
            ("/spec/minReplicas", json!(9)),
            ("/spec/scaleTargetRef", json!({"kind": "Pod"})),
            (
                "/spec/scaleTargetRef",
                json!({"kind": "ReplicationController", "name": "a"}),
            ),
            (metric, json!([{}, {"type": "Weather"}])),
            (
                metric,
                json!([{"type": "Pods"}, {"type": "Resource", "pods": {}, "resource": {"name": "cpu"}}]),
            ),
            (
                metric,
                json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 0, "averageValue": "-1"}}}]),
            ),
            (
                metric,
                json!([{"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Much"}}},
                    {"type": "Object", "object": {"metric": {"name": "q"}, "target": {"type": "Value"}, "describedObject": {"kind": "Service", "name": "a"}}}]),
            ),
            (
                "/spec/behavior/scaleDown/stabilizationWindowSeconds",
                json!(4000),
            ),
            (
                "/spec/behavior/scaleUp",
                json!({"selectPolicy": "Some", "policies": [{"type": "Pods", "value": 0, "periodSeconds": 2000}]}),
            ),
        ],
        expect![[r#"
            /spec/minReplicas = 0
              spec.minReplicas: Invalid value: 0: must be greater than or equal to 1
            /spec/maxReplicas = 0
              [spec.maxReplicas: Invalid value: 0: must be greater than 0, spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`]
            /spec/minReplicas = 9
              spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`
            /spec/scaleTargetRef = {"kind":"Pod"}
              [spec.scaleTargetRef.name: Required value, spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group]
            /spec/scaleTargetRef = {"kind":"ReplicationController","name":"a"}
              nothing is wrong
            /spec/metrics = [{},{"type":"Weather"}]
              [spec.metrics[0].type: Required value: must specify a metric source type, spec.metrics[1].type: Unsupported value: "Weather": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"]
            /spec/metrics = [{"type":"Pods"},{"pods":{},"resource":{"name":"cpu"},"type":"Resource"}]
              [spec.metrics[0].pods: Required value: must populate information for the given metric source, spec.metrics[1].pods: Forbidden: must populate the given metric source only, spec.metrics[1].resource.target.type: Required value: must specify a metric target type, spec.metrics[1].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization]
            /spec/metrics = [{"resource":{"name":"cpu","target":{"averageUtilization":0,"averageValue":"-1","type":"Utilization"}},"type":"Resource"}]
              [spec.metrics[0].resource.target.averageValue: Invalid value: "-1": must be positive, spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0, spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization]
            /spec/metrics = [{"external":{"metric":{"name":"q"},"target":{"type":"Much"}},"type":"External"},{"object":{"describedObject":{"kind":"Service","name":"a"},"metric":{"name":"q"},"target":{"type":"Value"}},"type":"Obj
              [spec.metrics[0].external.target.type: Invalid value: "Much": must be either Utilization, Value, or AverageValue, spec.metrics[0].external.target.averageValue: Required value: must set either a target value for metric or a per-pod target, spec.metrics[1].object.target.averageValue: Required value: must set either a target value or averageValue]
            /spec/behavior/scaleDown/stabilizationWindowSeconds = 4000
              spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600
            /spec/behavior/scaleUp = {"policies":[{"periodSeconds":2000,"type":"Pods","value":0}],"selectPolicy":"Some"}
              [spec.behavior.scaleUp.selectPolicy: Unsupported value: "Some": supported values: "Disabled", "Max", "Min", spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero, spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 2000: must be less than or equal to 1800]
        "#]],
    );
}

#[test]
fn signing_requests() {
    check(
        "CertificateSigningRequest",
        &[
            ("/metadata/name", json!("Any Name")),
            ("/spec/request", json!("eA==")),
            ("/spec/usages", json!([])),
            (
                "/spec/usages",
                json!(["client auth", "client auth", "luck"]),
            ),
            ("/spec/signerName", json!(null)),
            ("/spec/signerName", json!("signer")),
            ("/spec/signerName", json!("example/signer")),
            ("/spec/signerName", json!("kubernetes.io/legacy-unknown")),
            ("/spec/expirationSeconds", json!(60)),
        ],
        expect![[r#"
            /metadata/name = "Any Name"
              nothing is wrong
            /spec/request = "eA=="
              spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST
            /spec/usages = []
              spec.usages: Required value
            /spec/usages = ["client auth","client auth","luck"]
              [spec.usages[1]: Duplicate value: "client auth", spec.usages[2]: Unsupported value: "luck": supported values: "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing", "timestamping"]
            /spec/signerName = null
              spec.signerName: Required value
            /spec/signerName = "signer"
              spec.signerName: Invalid value: "signer": must be a fully qualified domain and path of the form 'example.com/signer-name'
            /spec/signerName = "example/signer"
              spec.signerName: Invalid value: "example/signer": should be a domain with at least two segments separated by dots
            /spec/signerName = "kubernetes.io/legacy-unknown"
              spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version
            /spec/expirationSeconds = 60
              spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)
        "#]],
    );
}

#[test]
fn webhooks() {
    let rule = "/webhooks/0/rules/0";
    check(
        "ValidatingWebhookConfiguration",
        &[
            ("/webhooks/0/name", json!("a.b")),
            ("/webhooks/0/sideEffects", json!(null)),
            ("/webhooks/0/sideEffects", json!("Some")),
            ("/webhooks/0/timeoutSeconds", json!(31)),
            ("/webhooks/0/admissionReviewVersions", json!(["v2", "v2"])),
            ("/webhooks/0/admissionReviewVersions", json!([])),
            ("/webhooks/0/clientConfig", json!({})),
            ("/webhooks/0/clientConfig", json!({"url": "http://a"})),
            (
                "/webhooks/0/clientConfig/service",
                json!({"port": 0, "path": "a"}),
            ),
            ("/webhooks/0/failurePolicy", json!("Panic")),
            ("/webhooks/0/matchPolicy", json!("Fuzzy")),
            ("/webhooks/0/matchConditions", json!([{"name": "a b"}])),
            (rule, json!({})),
            (
                rule,
                json!({"operations": ["*", "CREATE"], "apiGroups": ["*", "a"], "apiVersions": ["*", "v1"], "resources": ["*", "pods", "*/*"], "scope": "Node"}),
            ),
            (
                "/webhooks/-",
                json!({"name": "pods.policy.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://a"}}),
            ),
        ],
        expect![[r#"
            /webhooks/0/name = "a.b"
              webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots
            /webhooks/0/sideEffects = null
              webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun
            /webhooks/0/sideEffects = "Some"
              webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"
            /webhooks/0/timeoutSeconds = 31
              webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds
            /webhooks/0/admissionReviewVersions = ["v2","v2"]
              [webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version, webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1]
            /webhooks/0/admissionReviewVersions = []
              webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1
            /webhooks/0/clientConfig = {}
              webhooks[0].clientConfig: Required value: exactly one of url or service is required
            /webhooks/0/clientConfig = {"url":"http://a"}
              webhooks[0].clientConfig.url: Invalid value: "http://a": 'https' is the only allowed URL scheme; desired format: https://host[/path]
            /webhooks/0/clientConfig/service = {"path":"a","port":0}
              [webhooks[0].clientConfig.service.name: Required value, webhooks[0].clientConfig.service.namespace: Required value, webhooks[0].clientConfig.service.path: Invalid value: "a": must start with a '/', webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive]
            /webhooks/0/failurePolicy = "Panic"
              webhooks[0].failurePolicy: Unsupported value: "Panic": supported values: "Fail", "Ignore"
            /webhooks/0/matchPolicy = "Fuzzy"
              webhooks[0].matchPolicy: Unsupported value: "Fuzzy": supported values: "Equivalent", "Exact"
            /webhooks/0/matchConditions = [{"name":"a b"}]
              [webhooks[0].matchConditions[0].expression: Required value, webhooks[0].matchConditions[0].name: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')]
            /webhooks/0/rules/0 = {}
              [webhooks[0].rules[0].operations: Required value, webhooks[0].rules[0].apiGroups: Required value, webhooks[0].rules[0].apiVersions: Required value, webhooks[0].rules[0].resources: Required value]
            /webhooks/0/rules/0 = {"apiGroups":["*","a"],"apiVersions":["*","v1"],"operations":["*","CREATE"],"resources":["*","pods","*/*"],"scope":"Node"}
              [webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations, webhooks[0].rules[0].apiGroups: Invalid value: ["*","a"]: if '*' is present, must not specify other API groups, webhooks[0].rules[0].apiVersions: Invalid value: ["*","v1"]: if '*' is present, must not specify other API versions, webhooks[0].rules[0].resources: Invalid value: ["*","pods","*/*"]: if '*/*' is present, must not specify other resources, webhooks[0].rules[0].resources: Invalid value: ["*","pods","*/*"]: if '*' is present, must not specify other resources without subresources, webhooks[0].rules[0].scope: Unsupported value: "Node": supported values: "*", "Cluster", "Namespaced"]
            /webhooks/- = {"admissionReviewVersions":["v1"],"clientConfig":{"url":"https://a"},"name":"pods.policy.example.com","sideEffects":"None"}
              webhooks[1].name: Duplicate value: "pods.policy.example.com"
        "#]],
    );
    check(
        "MutatingWebhookConfiguration",
        &[("/webhooks/0/reinvocationPolicy", json!("Often"))],
        expect![[r#"
            /webhooks/0/reinvocationPolicy = "Often"
              webhooks[0].reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"
        "#]],
    );
}

#[test]
fn policies() {
    check(
        "ValidatingAdmissionPolicy",
        &[
            ("/spec/failurePolicy", json!("Panic")),
            ("/spec/paramKind", json!({})),
            ("/spec/matchConstraints", json!(null)),
            ("/spec/matchConstraints/resourceRules", json!([])),
            ("/spec/validations", json!([])),
            (
                "/spec/validations/0",
                json!({"message": "a\nb", "reason": "Mood"}),
            ),
            (
                "/spec/variables",
                json!([{"name": "a-b"}, {"expression": "1"}]),
            ),
            (
                "/spec/auditAnnotations",
                json!([{"key": "a b"}, {"key": "a", "valueExpression": "1"}, {"key": "a", "valueExpression": "1"}]),
            ),
        ],
        expect![[r#"
            /spec/failurePolicy = "Panic"
              spec.failurePolicy: Unsupported value: "Panic": supported values: "Fail", "Ignore"
            /spec/paramKind = {}
              [spec.paramKind.apiVersion: Required value, spec.paramKind.kind: Required value]
            /spec/matchConstraints = null
              spec.matchConstraints: Required value
            /spec/matchConstraints/resourceRules = []
              spec.matchConstraints.resourceRules: Required value
            /spec/validations = []
              [spec.validations: Required value: validations or auditAnnotations must contain at least one item, spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item]
            /spec/validations/0 = {"message":"a\nb","reason":"Mood"}
              [spec.validations[0].expression: Required value: expression is not specified, spec.validations[0].message: Invalid value: "a\nb": must not contain line breaks, spec.validations[0].reason: Unsupported value: "Mood": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"]
            /spec/variables = [{"name":"a-b"},{"expression":"1"}]
              [spec.variables[0].name: Invalid value: "a-b": must be a valid CEL identifier, spec.variables[0].expression: Required value: expression is not specified, spec.variables[1].name: Required value: name is not specified]
            /spec/auditAnnotations = [{"key":"a b"},{"key":"a","valueExpression":"1"},{"key":"a","valueExpression":"1"}]
              [spec.auditAnnotations[0].key: Invalid value: "replicas/a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified, spec.auditAnnotations[2].key: Duplicate value: "a"]
        "#]],
    );
    check(
        "ValidatingAdmissionPolicyBinding",
        &[
            ("/spec/policyName", json!("")),
            ("/spec/paramRef", json!({})),
            ("/spec/paramRef/selector", json!({})),
            ("/spec/validationActions", json!([])),
            (
                "/spec/validationActions",
                json!(["Deny", "Warn", "Deny", "Shout"]),
            ),
        ],
        expect![[r#"
            /spec/policyName = ""
              spec.policyName: Required value
            /spec/paramRef = {}
              [spec.paramRef: Required value: one of name or selector must be specified, spec.paramRef.parameterNotFoundAction: Required value]
            /spec/paramRef/selector = {}
              spec.paramRef.name: Forbidden: name and selector are mutually exclusive
            /spec/validationActions = []
              spec.validationActions: Required value: at least one validation action is required
            /spec/validationActions = ["Deny","Warn","Deny","Shout"]
              [spec.validationActions[2]: Duplicate value: "Deny", spec.validationActions[3]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn", spec.validationActions: Invalid value: ["Deny","Warn","Deny","Shout"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)]
        "#]],
    );
}

#[test]
fn definitions() {
    check(
        "CustomResourceDefinition",
        &[
            ("/metadata/name", json!("ships.example.com")),
            ("/spec/group", json!("example")),
            ("/spec/group", json!("boats.k8s.io")),
            ("/spec/scope", json!("Planet")),
            ("/spec/preserveUnknownFields", json!(true)),
            ("/spec/versions/0/storage", json!(false)),
            ("/spec/versions/0/schema", json!(null)),
            ("/spec/versions/0/deprecationWarning", json!("old")),
            (
                "/spec/versions/-",
                json!({"name": "v1", "schema": {"openAPIV3Schema": {"type": "object"}}}),
            ),
            (
                "/spec/versions/0/additionalPrinterColumns",
                json!([{"name": "A", "type": "colour", "jsonPath": "spec"}, {}]),
            ),
            (
                "/spec/versions/0/selectableFields",
                json!([{"jsonPath": ".metadata.name"}, {"jsonPath": ".spec.a"}, {"jsonPath": ".spec.a"}]),
            ),
            ("/spec/names/kind", json!("Big Boat")),
            ("/spec/names/listKind", json!("Boat")),
            ("/spec/names/shortNames", json!(["B"])),
            ("/spec/conversion", json!({"strategy": "Webhook"})),
            (
                "/spec/conversion",
                json!({"strategy": "None", "webhook": {}}),
            ),
        ],
        expect![[r#"
            /metadata/name = "ships.example.com"
              metadata.name: Invalid value: "ships.example.com": must be spec.names.plural+"."+spec.group
            /spec/group = "example"
              [metadata.name: Invalid value: "boats.example.com": must be spec.names.plural+"."+spec.group, spec.group: Invalid value: "example": should be a domain with at least one dot]
            /spec/group = "boats.k8s.io"
              [metadata.name: Invalid value: "boats.example.com": must be spec.names.plural+"."+spec.group, metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111]
            /spec/scope = "Planet"
              spec.scope: Unsupported value: "Planet": supported values: "Cluster", "Namespaced"
            /spec/preserveUnknownFields = true
              spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead
            /spec/versions/0/storage = false
              [spec.versions: Invalid value: [{"name":"v1","schema":{"openAPIV3Schema":{"type":"object"}},"served":true,"storage":false}]: must have exactly one version marked as storage version, status.storedVersions: Invalid value: null: must have at least one stored version]
            /spec/versions/0/schema = null
              spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required
            /spec/versions/0/deprecationWarning = "old"
              spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions
            /spec/versions/- = {"name":"v1","schema":{"openAPIV3Schema":{"type":"object"}}}
              spec.versions: Invalid value: [{"name":"v1","schema":{"openAPIV3Schema":{"type":"object"}},"served":true,"storage":true},{"name":"v1","schema":{"openAPIV3Schema":{"type":"object"}}}]: must contain unique version names
            /spec/versions/0/additionalPrinterColumns = [{"jsonPath":"spec","name":"A","type":"colour"},{}]
              [spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "colour": must be one of boolean,date,integer,number,string, spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: "spec": must be a simple json path starting with ., spec.versions[0].additionalPrinterColumns[1].name: Required value, spec.versions[0].additionalPrinterColumns[1].type: Required value: must be one of boolean,date,integer,number,string, spec.versions[0].additionalPrinterColumns[1].JSONPath: Required value]
            /spec/versions/0/selectableFields = [{"jsonPath":".metadata.name"},{"jsonPath":".spec.a"},{"jsonPath":".spec.a"}]
              [spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata, spec.versions[0].selectableFields[2].jsonPath: Duplicate value: ".spec.a"]
            /spec/names/kind = "Big Boat"
              [spec.names.singular: Invalid value: "big boat": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?'), spec.names.kind: Invalid value: "Big Boat": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?'), spec.names.listKind: Invalid value: "Big BoatList": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')]
            /spec/names/listKind = "Boat"
              spec.names.listKind: Invalid value: "Boat": kind and listKind may not be the same
            /spec/names/shortNames = ["B"]
              spec.names.shortNames[0]: Invalid value: "B": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
            /spec/conversion = {"strategy":"Webhook"}
              [spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook, spec.conversion.conversionReviewVersions: Required value: must specify one of v1, v1beta1]
            /spec/conversion = {"strategy":"None","webhook":{}}
              spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook
        "#]],
    );
    check(
        "APIService",
        &[
            ("/metadata/name", json!("v1.other")),
            ("/spec/groupPriorityMinimum", json!(0)),
            ("/spec/versionPriority", json!(1000)),
            ("/spec/service", json!({})),
            ("/spec/service", json!(null)),
            ("/spec/caBundle", json!("eA==")),
            ("/spec/version", json!("V1")),
        ],
        expect![[r#"
            /metadata/name = "v1.other"
              metadata.name: Invalid value: "v1.other": must be `spec.version+"."+spec.group`: "v1beta1.metrics.k8s.io"
            /spec/groupPriorityMinimum = 0
              spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000
            /spec/versionPriority = 1000
              nothing is wrong
            /spec/service = {}
              [spec.service.namespace: Required value, spec.service.name: Required value]
            /spec/service = null
              spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify
            /spec/caBundle = "eA=="
              spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present
            /spec/version = "V1"
              [metadata.name: Invalid value: "v1beta1.metrics.k8s.io": must be `spec.version+"."+spec.group`: "V1.metrics.k8s.io", spec.version: Invalid value: "V1": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')]
        "#]],
    );
}

#[test]
fn flows_and_devices() {
    let rule = "/spec/rules/0";
    check(
        "FlowSchema",
        &[
            ("/spec/matchingPrecedence", json!(-1)),
            ("/spec/matchingPrecedence", json!(1)),
            ("/spec/matchingPrecedence", json!(10_001)),
            ("/spec/distinguisherMethod/type", json!("ByMood")),
            ("/spec/priorityLevelConfiguration", json!({})),
            (rule, json!({})),
            (
                rule,
                json!({"subjects": [{"kind": "User", "group": {"name": "a"}}, {"kind": "Robot"}],
                    "resourceRules": [{"verbs": ["*", "get"], "apiGroups": [], "resources": ["pods"]}], "nonResourceRules": [{"verbs": ["fly"]}]}),
            ),
        ],
        expect![[r#"
            /spec/matchingPrecedence = -1
              spec.matchingPrecedence: Invalid value: -1: must be a positive value
            /spec/matchingPrecedence = 1
              spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1
            /spec/matchingPrecedence = 10001
              spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000
            /spec/distinguisherMethod/type = "ByMood"
              spec.distinguisherMethod.type: Unsupported value: "ByMood": supported values: "ByNamespace", "ByUser"
            /spec/priorityLevelConfiguration = {}
              spec.priorityLevelConfiguration.name: Required value
            /spec/rules/0 = {}
              [spec.rules[0].subjects: Required value: subjects must contain at least one value, spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty]
            /spec/rules/0 = {"nonResourceRules":[{"verbs":["fly"]}],"resourceRules":[{"apiGroups":[],"resources":["pods"],"verbs":["*","get"]}],"subjects":[{"group":{"name":"a"},"kind":"User"},{"kind":"Robot"}]}
              [spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group', spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User', spec.rules[0].subjects[1].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User", spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other values, spec.rules[0].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group, spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace, spec.rules[0].nonResourceRules[0].verbs: Unsupported value: "fly": supported values: "*", "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch", spec.rules[0].nonResourceRules[0].nonResourceURLs: Required value: nonResourceURLs must contain at least one value]
        "#]],
    );
    check(
        "PriorityLevelConfiguration",
        &[
            ("/spec/type", json!("Exempt")),
            ("/spec/limited", json!(null)),
            ("/spec/limited/lendablePercent", json!(101)),
            ("/spec/limited/limitResponse/type", json!("Reject")),
            ("/spec/limited/limitResponse/queuing", json!(null)),
            (
                "/spec/limited/limitResponse/queuing",
                json!({"handSize": 9, "queues": 4, "queueLengthLimit": -1}),
            ),
        ],
        expect![[r#"
            /spec/type = "Exempt"
              [spec.type: Invalid value: "Exempt": type must be 'Exempt' if and only if name is 'exempt', spec.limited: Forbidden: must be nil if the type is not Limited]
            /spec/limited = null
              spec.limited: Required value: must not be empty when type is Limited
            /spec/limited/lendablePercent = 101
              spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive
            /spec/limited/limitResponse/type = "Reject"
              spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited
            /spec/limited/limitResponse/queuing = null
              spec.limited.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited
            /spec/limited/limitResponse/queuing = {"handSize":9,"queueLengthLimit":-1,"queues":4}
              [spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: -1: must be positive, spec.limited.limitResponse.queuing.handSize: Invalid value: 9: should not be greater than queues (4)]
        "#]],
    );
    let request = "/spec/devices/requests/0";
    check(
        "ResourceClaim",
        &[
            (request, json!({"name": "A"})),
            (
                request,
                json!({"name": "a", "exactly": {"deviceClassName": "c"}, "firstAvailable": [{"name": "b", "deviceClassName": "c"}]}),
            ),
            (
                request,
                json!({"name": "a", "exactly": {"allocationMode": "All", "count": 2, "selectors": [{}, {"cel": {}}]}}),
            ),
            (
                "/spec/devices/constraints",
                json!([{"requests": ["other"]}]),
            ),
            (
                "/spec/devices/config",
                json!([{}, {"opaque": {"driver": "d", "parameters": []}}]),
            ),
        ],
        expect![[r#"
            /spec/devices/requests/0 = {"name":"A"}
              [spec.devices.requests[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?'), spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required]
            /spec/devices/requests/0 = {"exactly":{"deviceClassName":"c"},"firstAvailable":[{"deviceClassName":"c","name":"b"}],"name":"a"}
              spec.devices.requests[0]: Invalid value: {"exactly":{"allocationMode":"ExactCount","count":1,"deviceClassName":"c"},"firstAvailable":[{"allocationMode":"ExactCount","count":1,"deviceClassName":"c","name":"b"}],"name":"a"}: exactly one of `exactly` or `firstAvailable` is required
            /spec/devices/requests/0 = {"exactly":{"allocationMode":"All","count":2,"selectors":[{},{"cel":{}}]},"name":"a"}
              [spec.devices.requests[0].exactly.deviceClassName: Required value, spec.devices.requests[0].exactly.selectors[0].cel: Required value, spec.devices.requests[0].exactly.selectors[1].cel.expression: Required value, spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All']
            /spec/devices/constraints = [{"requests":["other"]}]
              spec.devices.constraints[0].requests[0]: Invalid value: "other": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'
            /spec/devices/config = [{},{"opaque":{"driver":"d","parameters":[]}}]
              [spec.devices.config[0].opaque: Required value, spec.devices.config[1].opaque.parameters: Invalid value: []: must be a valid JSON object]
        "#]],
    );
    check(
        "ResourceSlice",
        &[
            ("/spec/nodeName", json!(null)),
            ("/spec/allNodes", json!(true)),
            ("/spec/pool", json!({})),
            (
                "/spec/devices/-",
                json!({"name": "gpu-0", "attributes": {"a": {}}}),
            ),
        ],
        expect![[r#"
            /spec/nodeName = null
              spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required
            /spec/allNodes = true
              spec: Invalid value: {"allNodes":true,"devices":[{"attributes":{"model":{"string":"a1"}},"name":"gpu-0"}],"driver":"gpu.example.com","nodeName":"node-1","pool":{"generation":1,"name":"node-1","resourceSliceCount":1}}: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required
            /spec/pool = {}
              [spec.pool.name: Required value, spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero]
            /spec/devices/- = {"attributes":{"a":{}},"name":"gpu-0"}
              [spec.devices[1].name: Duplicate value: "gpu-0", spec.devices[1].attributes[a]: Invalid value: {}: exactly one value must be specified]
        "#]],
    );
    check(
        "DeviceClass",
        &[("/spec/selectors", json!([{"cel": {"expression": ""}}]))],
        expect![[r#"
            /spec/selectors = [{"cel":{"expression":""}}]
              spec.selectors[0].cel.expression: Required value
        "#]],
    );
}
