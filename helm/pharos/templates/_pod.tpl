{{- /* The pod of a component. root, c */ -}}
{{- define "pharos.pod" -}}
{{- $root := .root -}}
{{- $c := .c -}}
{{- $selector := include "pharos.selector" (dict "root" $root "component" $c.name) -}}
metadata:
  labels:
    {{- include "pharos.labels" (dict "root" $root "component" $c.name "extra" $c.podLabels) | nindent 4 }}
  annotations:
    checksum/config: {{ toYaml $c.config | sha256sum }}
    {{- if $root.Values.metrics.annotations }}
    prometheus.io/scrape: 'true'
    prometheus.io/port: {{ $c.internalPort | int | quote }}
    prometheus.io/path: /metrics
    {{- end }}
    {{- with mergeOverwrite (deepCopy $root.Values.commonAnnotations) (deepCopy $c.podAnnotations) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "pharos.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $c.drain.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml $c.podSecurityContext | nindent 4 }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $c.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $c.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $c.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $c.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $c.affinity }}
  affinity:
    {{- toYaml $c.affinity | nindent 4 }}
  {{- else if ne $c.antiAffinity "off" }}
  affinity:
    podAntiAffinity:
      {{- if eq $c.antiAffinity "hard" }}
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- $selector | nindent 14 }}
      {{- else }}
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- $selector | nindent 16 }}
      {{- end }}
  {{- end }}
  {{- with $c.topologyKeys }}
  topologySpreadConstraints:
    {{- range . }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: {{ $c.whenUnsatisfiable }}
      # The pods of one rollout among themselves.
      matchLabelKeys: [{{ eq $c.kind "StatefulSet" | ternary "controller-revision-hash" "pod-template-hash" }}]
      labelSelector:
        matchLabels:
          {{- $selector | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with $c.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $root | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ $c.name }}
      image: {{ include "pharos.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - serve
        - {{ $c.name }}
        - --config
        - /etc/pharos/config/pharos.yaml
        {{- range $c.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      {{- include "pharos.env" . | nindent 6 }}
      {{- with $c.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- if $c.port }}
        - name: client
          containerPort: {{ $c.port }}
        {{- end }}
        - name: internal
          containerPort: {{ $c.internalPort }}
      startupProbe:
        httpGet:
          path: /health/startup
          port: internal
        {{- toYaml $c.probes.startup | nindent 8 }}
      readinessProbe:
        httpGet:
          path: /health/ready
          port: internal
        {{- toYaml $c.probes.readiness | nindent 8 }}
      livenessProbe:
        httpGet:
          path: /health/live
          port: internal
        {{- toYaml $c.probes.liveness | nindent 8 }}
      {{- if gt (int $c.drain.preStopSeconds) 0 }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ $c.drain.preStopSeconds }}
      {{- end }}
      resources:
        {{- toYaml $c.resources | nindent 8 }}
      securityContext:
        {{- toYaml $c.securityContext | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/pharos/config
          readOnly: true
        {{- if $c.settingsFrom }}
        - name: settings
          mountPath: /etc/pharos/settings
          readOnly: true
        {{- end }}
        - name: tmp
          mountPath: /tmp
        {{- with $c.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $c.extraContainers }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ $c.fullname }}
    {{- if $c.settingsFrom }}
    # A whole volume, not single files of it: only so does what is in it change with the Secrets.
    - name: settings
      projected:
        defaultMode: 0440
        sources:
          {{- include "pharos.sources" $c | nindent 10 }}
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 64Mi
    {{- with $c.extraVolumes }}
    {{- tpl (toYaml .) $root | nindent 4 }}
    {{- end }}
{{- end -}}

{{- define "pharos.env" -}}
{{- $c := .c -}}
{{- $memory := dig "limits" "memory" "" $c.resources -}}
env:
  {{- if and $memory (gt (int $c.heapPercent) 0) }}
  - name: NODE_OPTIONS
    value: --max-old-space-size={{ div (mul (include "pharos.mebibytes" $memory | int) (int $c.heapPercent)) 100 }}
  {{- end }}
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: PHAROS_NAME
    value: $(POD_NAME)
  {{- range $setting, $source := $c.settingsFrom }}
  - name: {{ $source.variable }}
    value: /etc/pharos/settings/{{ $setting }}
  {{- end }}
  {{- include "pharos.tracingEnv" . | nindent 2 }}
  {{- with $c.extraEnv }}
  {{- tpl (toYaml .) $.root | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "pharos.tracingEnv" -}}
{{- with .root.Values.tracing }}
{{- if .enabled }}
{{- $attributes := list "k8s.pod.name=$(POD_NAME)" (printf "k8s.namespace.name=%s" $.root.Release.Namespace) -}}
{{- range $name, $value := .resourceAttributes -}}
{{- $attributes = append $attributes (printf "%s=%s" $name ($value | urlquery | replace "+" "%20")) -}}
{{- end -}}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_EXPORTER_OTLP_PROTOCOL
  value: {{ .protocol }}
- name: OTEL_TRACES_SAMPLER
  value: {{ .sampler }}
{{- if hasSuffix "traceidratio" .sampler }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .ratio | quote }}
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ join "," $attributes | quote }}
{{- if .headersFrom.existingSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersFrom.existingSecret }}
      key: {{ .headersFrom.key }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The files of `settings`, by the names of the settings. */ -}}
{{- define "pharos.sources" -}}
{{- range $setting, $source := .settingsFrom }}
{{- if $source.existingSecret }}
- secret:
    name: {{ $source.existingSecret }}
{{- else }}
- configMap:
    name: {{ $source.existingConfigMap }}
{{- end }}
    items:
      - key: {{ $source.key }}
        path: {{ $setting }}
{{- end }}
{{- end -}}
