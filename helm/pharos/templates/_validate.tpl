{{- /* Each of these appends to `problems` of `state`. */ -}}
{{- define "pharos.problem" -}}
{{- $_ := set .state "problems" (append .state.problems .text) -}}
{{- end -}}

{{- define "pharos.validateConfig" -}}
{{- $config := .c.config -}}
{{- if not (or (dig "pulsar" "url" "" $config) (include "pharos.hasEnv" (dict "c" .c "name" "PHAROS_PULSAR_URL")) .c.envFrom) -}}
{{- include "pharos.problem" (dict "state" .state "text" "config.pulsar.url: is missing; where is Pulsar? (pulsar://host:6650)") -}}
{{- end -}}
{{- $redis := include "pharos.hasRedis" .c -}}
{{- if and (not $redis) (has .name (list "history" "presence")) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "config.redis.url: is missing, and %s needs a Redis; give one, or set %s.enabled=false" .name .name)) -}}
{{- end -}}
{{- if and (eq .name "api") (not (or (hasKey .c.settingsFrom "http_api.key") (hasKey .c.settingsFrom "http_api.keys") (include "pharos.hasEnv" (dict "c" .c "name" "PHAROS_HTTP_API_KEY")) (include "pharos.hasEnv" (dict "c" .c "name" "PHAROS_HTTP_API_KEYS")) .c.envFrom)) -}}
{{- include "pharos.problem" (dict "state" .state "text" "settingsFrom: the server API needs a key (http_api.key or http_api.keys from a Secret); give one, or set api.enabled=false") -}}
{{- end -}}
{{- if eq .name "edge" -}}
{{- $channels := append (dig "channel" "namespaces" list $config) (dig "channel" "without_namespace" dict $config) -}}
{{- range $channels -}}
{{- if and (or .presence .join_leave .replay) (not $redis) -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "config.channel: presence, join_leave and replay (%s) need config.redis.url" (.name | default "without_namespace"))) -}}
{{- end -}}
{{- if and .join_leave (not $.root.Values.presence.enabled) -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "config.channel: join_leave (%s) needs presence.enabled=true: nobody would publish the leaves of dead edges" (.name | default "without_namespace"))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pharos.validateSettings" -}}
{{- $from := .c.settingsFrom -}}
{{- range $setting, $source := $from -}}
{{- $text := "" -}}
{{- if and $source.existingSecret $source.existingConfigMap -}}
{{- $text = "one of existingSecret and existingConfigMap" -}}
{{- else if not (or $source.existingSecret $source.existingConfigMap) -}}
{{- $text = "existingSecret is missing" -}}
{{- else if and $source.secret (not $source.existingSecret) -}}
{{- $text = "a secret belongs into a Secret, not into a ConfigMap" -}}
{{- else if not $source.key -}}
{{- $text = "key is missing" -}}
{{- end -}}
{{- if $text -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "settingsFrom.%s: %s" $setting $text)) -}}
{{- end -}}
{{- end -}}
{{- range $section := list "tls" "pulsar.tls" "redis.tls" -}}
{{- $cert := printf "%s.cert_file" $section -}}
{{- $key := printf "%s.key_file" $section -}}
{{- if ne (hasKey $from $cert) (hasKey $from $key) -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "settingsFrom: both %s and %s, or neither" $cert $key)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pharos.validateRollout" -}}
{{- $d := .c.drain -}}
{{- if eq .c.kind "StatefulSet" -}}
{{- range $field := list "maxSurge" "maxUnavailable" "progressDeadlineSeconds" -}}
{{- if hasKey ($.own.rollout | default dict) $field -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "%s.rollout.%s: a StatefulSet has none: its pods are replaced one by one" $.name $field)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $least := add (int $d.preStopSeconds) (int $d.timeoutSeconds) 15 -}}
{{- if lt (int $d.terminationGracePeriodSeconds) (int $least) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.drain.terminationGracePeriodSeconds: %d, and preStopSeconds + timeoutSeconds + 15 for flushing are %d: pods would be killed while they drain" .name (int $d.terminationGracePeriodSeconds) $least)) -}}
{{- end -}}
{{- $deadline := int .c.rollout.progressDeadlineSeconds -}}
{{- if and (gt $deadline 0) (lt $deadline .c.rolloutSeconds) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.rollout.progressDeadlineSeconds: %d, and %d pods take up to %d s one after the other" .name $deadline .c.most .c.rolloutSeconds)) -}}
{{- end -}}
{{- if and (has (toString .c.rollout.maxSurge) (list "0" "0%")) (has (toString .c.rollout.maxUnavailable) (list "0" "0%")) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.rollout: maxSurge and maxUnavailable are both 0: nothing could ever be rolled out" .name)) -}}
{{- end -}}
{{- $memory := dig "limits" "memory" "" .c.resources -}}
{{- if and $memory (not (include "pharos.mebibytes" $memory)) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.resources.limits.memory: %v is no quantity such as 512Mi or 2Gi" .name $memory)) -}}
{{- end -}}
{{- if and .c.pdb.enabled (eq (toString .c.pdb.minAvailable | empty) (toString .c.pdb.maxUnavailable | empty)) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.pdb: exactly one of minAvailable and maxUnavailable; the other is ''" .name)) -}}
{{- else if include "pharos.hasBudget" .c -}}
{{- $may := toString .c.pdb.maxUnavailable -}}
{{- $must := toString .c.pdb.minAvailable -}}
{{- /* Kubernetes rounds percents up. */ -}}
{{- $stay := hasSuffix "%" $must | ternary (mulf (trimSuffix "%" $must | float64) .c.least | printf "%.0f" | int | add 99) (mul (int $must) 100) -}}
{{- if or (has $may (list "0" "0%")) (and $must (ge (div $stay 100 | int) .c.least)) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.pdb: none of %d pods may go: no node that has one could ever be emptied" .name .c.least)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pharos.validateScaling" -}}
{{- $a := .c.autoscaling -}}
{{- $k := .c.keda -}}
{{- if and $a.enabled $k.enabled -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s: one of autoscaling and keda" .name)) -}}
{{- end -}}
{{- if gt .c.least .c.most -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s: minReplicas %d are more than maxReplicas %d" .name .c.least .c.most)) -}}
{{- end -}}
{{- if and $a.enabled (not (or $a.connections $a.cpuUtilization $a.eventLoopLagSeconds $a.extraMetrics)) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.autoscaling: no metric says how many pods there are to be" .name)) -}}
{{- end -}}
{{- if and $a.enabled $a.cpuUtilization (not (dig "requests" "cpu" "" .c.resources)) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.autoscaling.cpuUtilization: is of resources.requests.cpu, which is missing" .name)) -}}
{{- end -}}
{{- if $k.enabled -}}
{{- if not $k.triggers -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.keda.triggers: are missing" .name)) -}}
{{- end -}}
{{- range $k.triggers -}}
{{- if and (eq .type "pulsar") (ne $.name "history") -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "%s.keda.triggers: pulsar reads the backlog of one named subscription, and only history has one" $.name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pharos.validateEnv" -}}
{{- $seen := list -}}
{{- range (include "pharos.env" (dict "root" .root "c" .c) | fromYaml).env -}}
{{- if has .name $seen -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "%s.extraEnv: %s is there twice, or set by the chart (NODE_OPTIONS: not with heapPercent=0)" $.name .name)) -}}
{{- end -}}
{{- $seen = append $seen .name -}}
{{- end -}}
{{- end -}}

{{- define "pharos.validateTracing" -}}
{{- with .tracing -}}
{{- if and .enabled (not .endpoint) -}}
{{- include "pharos.problem" (dict "state" $.state "text" "tracing.endpoint: is missing; where do traces go? (http://otel-collector.monitoring:4318)") -}}
{{- end -}}
{{- if and .enabled (ne (empty .headersFrom.existingSecret) (empty .headersFrom.key)) -}}
{{- include "pharos.problem" (dict "state" $.state "text" "tracing.headersFrom: both existingSecret and key, or neither") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What is on trial has nothing that is to be set. */ -}}
{{- define "pharos.validateTrial" -}}
{{- $own := get .root.Values .name -}}
{{- range $section := list "pulsar" "redis" -}}
{{- if (get $.root.Values.trial $section).enabled -}}
{{- if or (dig $section "url" "" $.root.Values.config) (dig $section "url" "" $own.config) -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "config.%s.url: one of it and trial.%s" $section $section)) -}}
{{- end -}}
{{- range $setting, $_ := $.c.settingsFrom -}}
{{- if hasPrefix (printf "%s." $section) $setting -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "settingsFrom.%s: trial.%s has neither passwords nor TLS" $setting $section)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pharos.validatePorts" -}}
{{- if eq (int (.c.port | default 0)) (int .c.internalPort) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.port: %d is internalPort's as well" .name (int .c.port))) -}}
{{- end -}}
{{- with .c.service -}}
{{- $unused := dict "ClusterIP" (list "externalTrafficPolicy" "nodePort" "loadBalancerClass" "loadBalancerSourceRanges") "NodePort" (list "loadBalancerClass" "loadBalancerSourceRanges") "LoadBalancer" list -}}
{{- $service := . -}}
{{- range get $unused .type -}}
{{- if get $service . -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "%s.service.%s: a Service of type %s has none" $.name . $service.type)) -}}
{{- end -}}
{{- end -}}
{{- if and (include "pharos.hasTls" $.c) (has .appProtocol (list "http" "kubernetes.io/ws" "kubernetes.io/h2c")) -}}
{{- include "pharos.problem" (dict "state" $.state "text" (printf "%s.service.appProtocol: %s, and %s has TLS itself (tls.cert_file): https, kubernetes.io/wss or ''" $.name .appProtocol $.name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Two routes for the same requests: which of them wins, the Gateway says, and it would be the API's. edge, api */ -}}
{{- define "pharos.validateGateways" -}}
{{- $edge := .edge.gateway -}}
{{- $api := .api.gateway -}}
{{- if and $edge.enabled $api.enabled (eq $edge.path $api.path) -}}
{{- $shared := "" -}}
{{- range $one := $edge.parentRefs -}}
{{- range $other := $api.parentRefs -}}
{{- if and (eq $one.name $other.name) (eq ($one.namespace | default $.namespace) ($other.namespace | default $.namespace)) (or (not $one.sectionName) (not $other.sectionName) (eq $one.sectionName $other.sectionName)) -}}
{{- $shared = $one.name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $isSame := not (or $edge.hostnames $api.hostnames) -}}
{{- range $edge.hostnames -}}
{{- if has . $api.hostnames -}}{{- $isSame = true -}}{{- end -}}
{{- end -}}
{{- if and $shared $isSame -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "edge.gateway and api.gateway: both take %s of the Gateway %s, by the same hostnames or none: give them hostnames or paths of their own" $edge.path $shared)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pharos.validateRoutes" -}}
{{- $ingress := .c.ingress | default dict -}}
{{- if and $ingress.enabled (not $ingress.hosts) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.ingress.hosts: are missing" .name)) -}}
{{- end -}}
{{- $gateway := .c.gateway | default dict -}}
{{- if and $gateway.enabled (not $gateway.parentRefs) -}}
{{- include "pharos.problem" (dict "state" .state "text" (printf "%s.gateway.parentRefs: are missing; which Gateway does the route belong to?" .name)) -}}
{{- end -}}
{{- end -}}
