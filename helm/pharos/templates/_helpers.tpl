{{- define "pharos.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* Short enough for what comes after it: names of Services have at most 63 characters. */ -}}
{{- define "pharos.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "pharos.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "pharos.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Nothing that changes from one release to the next: selectors can't. */ -}}
{{- define "pharos.selector" -}}
app.kubernetes.io/name: {{ include "pharos.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "pharos.labels" -}}
{{- $labels := dict -}}
{{- $_ := mergeOverwrite $labels (deepCopy .root.Values.commonLabels) (.extra | default dict | deepCopy) -}}
{{- $_ := mergeOverwrite $labels (include "pharos.selector" . | fromYaml) -}}
{{- $_ := set $labels "app.kubernetes.io/version" (.root.Values.image.tag | default .root.Chart.AppVersion | trunc 63) -}}
{{- $_ := set $labels "app.kubernetes.io/part-of" "pharos" -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") -}}
{{- toYaml $labels -}}
{{- end -}}

{{- /* metadata of an object. root, component (or none), name, labels, annotations */ -}}
{{- define "pharos.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- include "pharos.labels" (dict "root" .root "component" .component "extra" .labels) | nindent 2 }}
{{- with mergeOverwrite (deepCopy .root.Values.commonAnnotations) (.annotations | default dict | deepCopy) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "pharos.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "pharos.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "pharos.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A quantity of memory in whole MiB; empty where it isn't one. */ -}}
{{- define "pharos.mebibytes" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text -}}
{{- $unit := trimPrefix $number $text -}}
{{- $units := dict "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- if and $number (hasKey $units $unit) -}}
{{- divf (mulf (float64 $number) (get $units $unit)) 1048576.0 | floor | int64 -}}
{{- end -}}
{{- end -}}

{{- /* Sets `components` of the dict that it is given (with `root`): by name what holds for each that is enabled. */ -}}
{{- define "pharos.components" -}}
{{- $root := .root -}}
{{- $services := $root.Files.Get "files/services.json" | fromJson -}}
{{- $trial := include "pharos.trialConfig" $root | fromYaml -}}
{{- $components := dict -}}
{{- range $name := list "edge" "api" "history" "presence" -}}
{{- $own := get $root.Values $name -}}
{{- if $own.enabled -}}
{{- $takes := get $services $name -}}
{{- $c := mergeOverwrite (deepCopy $root.Values.workload) (deepCopy $own) -}}
{{- $_ := set $c "name" $name -}}
{{- $_ := set $c "kind" ($own.kind | default "Deployment") -}}
{{- $_ := set $c "fullname" (printf "%s-%s" (include "pharos.fullname" $root) $name) -}}
{{- /* What the service takes of the shared settings, under its own. */ -}}
{{- $config := mergeOverwrite (deepCopy $root.Values.config) (deepCopy $trial) -}}
{{- include "pharos.prune" (dict "config" $config "takes" $takes.settings) -}}
{{- $config = mergeOverwrite $config (deepCopy $own.config) -}}
{{- $_ := set $config "internal" (dict "listen" (printf "%s:%d" $c.listenHost (int $c.internalPort))) -}}
{{- if $c.port -}}
{{- $_ := set $config "listen" (printf "%s:%d" $c.listenHost (int $c.port)) -}}
{{- end -}}
{{- $_ := set $config "drain_timeout" (printf "%ds" (int $c.drain.timeoutSeconds)) -}}
{{- $_ := set $c "config" $config -}}
{{- $from := dict -}}
{{- range $setting, $source := mergeOverwrite (deepCopy $root.Values.settingsFrom) (deepCopy $own.settingsFrom) -}}
{{- with get $takes.files $setting -}}
{{- $_ := set $from $setting (mergeOverwrite (deepCopy $source) .) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $c "settingsFrom" $from -}}
{{- $_ := set $c "scales" (or $c.autoscaling.enabled $c.keda.enabled) -}}
{{- $least := int $c.replicas -}}
{{- $most := int $c.replicas -}}
{{- if $c.autoscaling.enabled -}}
{{- $least = int $c.autoscaling.minReplicas -}}
{{- $most = int $c.autoscaling.maxReplicas -}}
{{- else if $c.keda.enabled -}}
{{- $least = int $c.keda.minReplicas -}}
{{- $most = int $c.keda.maxReplicas -}}
{{- end -}}
{{- $_ := set $c "least" $least -}}
{{- $_ := set $c "most" $most -}}
{{- $_ := set $c "rolloutSeconds" (mul $most (add (int $c.drain.terminationGracePeriodSeconds) (int $c.rollout.minReadySeconds)) | int) -}}
{{- $_ := set $components $name $c -}}
{{- end -}}
{{- end -}}
{{- $_ := set . "components" $components -}}
{{- end -}}

{{- /* Whether a component's own environment has a variable. c, name */ -}}
{{- define "pharos.hasEnv" -}}
{{- range .c.extraEnv -}}{{- if eq .name $.name -}}true{{- end -}}{{- end -}}
{{- end -}}

{{- /* What is written in that variable; nothing, where it comes from a Secret. c, name */ -}}
{{- define "pharos.envValue" -}}
{{- range .c.extraEnv -}}{{- if eq .name $.name -}}{{ .value | default "" }}{{- end -}}{{- end -}}
{{- end -}}

{{- /* Whether a component has a Redis, or may have: what is in envFrom can't be seen from here. */ -}}
{{- define "pharos.hasRedis" -}}
{{- if or (dig "redis" "url" "" .config) (include "pharos.hasEnv" (dict "c" . "name" "PHAROS_REDIS_URL")) .envFrom -}}true{{- end -}}
{{- end -}}

{{- /* Whether a component's listener speaks TLS. */ -}}
{{- define "pharos.hasTls" -}}
{{- if or (hasKey .settingsFrom "tls.cert_file") (dig "tls" "cert_file" "" .config) (include "pharos.hasEnv" (dict "c" . "name" "PHAROS_TLS_CERT_FILE")) -}}true{{- end -}}
{{- end -}}

{{- /* Where the Pulsar and the Redis of a trial are. */ -}}
{{- define "pharos.trialConfig" -}}
{{- $name := printf "%s-trial" (include "pharos.fullname" .) -}}
{{- if .Values.trial.pulsar.enabled }}
pulsar:
  url: pulsar://{{ $name }}-pulsar:6650
  admin_url: http://{{ $name }}-pulsar:8080
{{- end }}
{{- if .Values.trial.redis.enabled }}
redis:
  url: redis://{{ $name }}-redis:6379
{{- end }}
{{- end -}}

{{- /* Takes out of `config` what `takes` doesn't have; lists are taken as they are. */ -}}
{{- define "pharos.prune" -}}
{{- $config := .config -}}
{{- range $key, $value := .config -}}
{{- $takes := get $.takes $key -}}
{{- if not (hasKey $.takes $key) -}}
{{- $_ := unset $config $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" $takes) -}}
{{- include "pharos.prune" (dict "config" $value "takes" $takes) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The ports that the hosts of a URL have, one a line; of HTTP also those that go without saying. */ -}}
{{- define "pharos.urlPorts" -}}
{{- $url := toString . -}}
{{- $ports := regexFindAll ":[0-9]+(,|/|$)" $url -1 -}}
{{- range $ports -}}
{{ regexFind "[0-9]+" . }}
{{ end -}}
{{- if not $ports -}}
{{- if hasPrefix "https:" $url -}}
443
{{ else if hasPrefix "http:" $url -}}
80
{{ end -}}
{{- end -}}
{{- end -}}

{{- /* The endpoints of HTTP that a component asks, by its own config: {urls: […]}. */ -}}
{{- define "pharos.backends" -}}
{{- $config := .config -}}
{{- $urls := list (dig "rpc" "proxy" "endpoint" "" $config) -}}
{{- if eq .name "edge" -}}
{{- range list "token" "subscription_token" -}}
{{- $urls = append $urls (dig "client" . "jwks_public_endpoint" "" $config) -}}
{{- end -}}
{{- range list "connect" "refresh" -}}
{{- $urls = append $urls (dig "client" "proxy" . "endpoint" "" $config) -}}
{{- end -}}
{{- range list "subscribe" "publish" "sub_refresh" -}}
{{- $urls = append $urls (dig "channel" "proxy" . "endpoint" "" $config) -}}
{{- end -}}
{{- end -}}
{{- dict "urls" (compact $urls) | toYaml -}}
{{- end -}}

{{- /* Why the self-test couldn't pass; empty where it can. edge, api (or none), channel */ -}}
{{- define "pharos.selftestProblem" -}}
{{- $channel := .channel -}}
{{- $config := .edge.config -}}
{{- $from := .edge.settingsFrom -}}
{{- $signs := hasKey $from "client.token.hmac_secret_key" -}}
{{- $who := ternary "client" "anonymous" $signs -}}
{{- $publishes := (.api | default dict).settingsFrom | default dict -}}
{{- $options := dig "channel" "without_namespace" dict $config -}}
{{- if contains ":" $channel -}}
{{- $options = "" -}}
{{- range dig "channel" "namespaces" list $config -}}
{{- if hasPrefix (printf "%s:" .name) (trimPrefix "$" $channel) -}}
{{- $options = . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not (or $signs (dig "client" "allow_anonymous_connect_without_token" false $config)) -}}
client.token.hmac_secret_key isn't in settingsFrom, and nobody may connect without a token
{{- else if and $signs (dig "client" "subscription_token" "enabled" false $config) (not (hasKey $from "client.subscription_token.hmac_secret_key")) -}}
client.subscription_token.hmac_secret_key isn't in settingsFrom
{{- else if kindIs "string" $options -}}
there is no namespace for the channel {{ $channel }} (tests.channel)
{{- else if not (or $signs $options.allow_subscribe_for_anonymous $options.subscribe_proxy_enabled) -}}
nobody may subscribe to {{ $channel }} (tests.channel) without a token: allow_subscribe_for_anonymous
{{- else if not (or (hasKey $publishes "http_api.key") (hasKey $publishes "http_api.keys") (get $options (printf "allow_publish_for_%s" $who)) $options.publish_proxy_enabled) -}}
there is no key of the server API in settingsFrom, and nobody else may publish to {{ $channel }} (tests.channel): allow_publish_for_{{ $who }}
{{- end -}}
{{- end -}}

{{- /* Sections of an edge's config, for a pod that has few of the edge's secrets: without what names a proxy, which would be refused where the proxies are not. config, sections */ -}}
{{- define "pharos.hookConfig" -}}
{{- $config := dict -}}
{{- range $section := .sections -}}
{{- with get $.config $section -}}
{{- $_ := set $config $section (deepCopy .) -}}
{{- end -}}
{{- end -}}
{{- with $config.channel -}}
{{- $_ := unset . "proxy" -}}
{{- range $options := prepend (.namespaces | default list) (.without_namespace | default dict) -}}
{{- range $option := keys $options -}}
{{- if contains "_proxy_" $option -}}
{{- $_ := unset $options $option -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
