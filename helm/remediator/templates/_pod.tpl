{{- define "remediator.pod" -}}
{{- $secrets := include "remediator.secrets" . | fromJson -}}
{{- $git := .Values.rulesFrom.git -}}
metadata:
  labels:
    {{- include "remediator.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # The settings are read at the start alone; rule files are read again when they change.
    checksum/config: {{ include "remediator.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "remediator.serviceAccount" . }}
  automountServiceAccountToken: true
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- if $git.enabled }}
  initContainers:
  - name: first-rules
    {{- include "remediator.gitSync" (dict "root" . "once" true) | nindent 4 }}
  {{- end }}
  containers:
  - name: remediator
    image: {{ include "remediator.ownImage" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args: [run, --config, /etc/remediator/remediator.yaml]
    env:
    - name: POD_NAME
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    - name: POD_NAMESPACE
      valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
    - name: NODE_NAME
      valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
    {{- with .Values.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    ports:
    - {name: http, containerPort: 8080, protocol: TCP}
    {{- include "remediator.probes" . | nindent 4 }}
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    securityContext:
      {{- toYaml .Values.securityContext | nindent 6 }}
    volumeMounts:
    {{- include "remediator.mounts" . | nindent 4 }}
    - {name: journal, mountPath: /var/lib/remediator}
    - {name: tmp, mountPath: /tmp}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if $git.enabled }}
  - name: git-sync
    {{- include "remediator.gitSync" (dict "root" . "once" false) | nindent 4 }}
  {{- end }}
  volumes:
  {{- include "remediator.volumes" . | nindent 2 }}
  {{- if .Values.database.url }}
  - {name: journal, emptyDir: {}}
  {{- else if .Values.persistence.existingClaim }}
  - name: journal
    persistentVolumeClaim: {claimName: {{ .Values.persistence.existingClaim }}}
  {{- else if not .Values.persistence.enabled }}
  - {name: journal, emptyDir: {}}
  {{- end }}
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  affinity:
    {{- if .Values.affinity }}
    {{- toYaml .Values.affinity | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "remediator.selector" . | nindent 14 }}
    {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* The settings, rules and secrets, read by the service and by helm test alike. */ -}}
{{- define "remediator.mounts" -}}
- {name: config, mountPath: /etc/remediator, readOnly: true}
{{- if .Values.rules }}
- {name: rules, mountPath: /rules/values, readOnly: true}
{{- end }}
{{- range $place, $name := .Values.rulesFrom.configMaps }}
- {name: rules-{{ $place }}, mountPath: /rules/from/{{ $name }}, readOnly: true}
{{- end }}
{{- if .Values.rulesFrom.git.enabled }}
- {name: git, mountPath: /rules/git, readOnly: true}
{{- end }}
{{- range $place, $name := include "remediator.secrets" . | fromJson | keys | sortAlpha }}
- {name: secret-{{ $place }}, mountPath: /secrets/{{ $name }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "remediator.volumes" -}}
{{- $name := include "remediator.fullname" . -}}
{{- $secrets := include "remediator.secrets" . | fromJson -}}
- name: config
  configMap: {name: {{ $name }}}
{{- if .Values.rules }}
- name: rules
  configMap: {name: {{ $name }}-rules}
{{- end }}
{{- range $place, $from := .Values.rulesFrom.configMaps }}
- name: rules-{{ $place }}
  configMap: {name: {{ $from }}}
{{- end }}
{{- if .Values.rulesFrom.git.enabled }}
- name: git
  emptyDir: {sizeLimit: 256Mi}
- name: git-tmp
  emptyDir: {sizeLimit: 64Mi}
- name: no-token
  emptyDir: {sizeLimit: 1Mi}
{{- with .Values.rulesFrom.git.secret }}
- name: git-secret
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- range $place, $from := keys $secrets | sortAlpha }}
- name: secret-{{ $place }}
  secret:
    secretName: {{ $from }}
    defaultMode: 0440
    {{- with get $secrets $from }}
    items:
    {{- range . }}
    - {key: {{ . }}, path: {{ . }}}
    {{- end }}
    {{- end }}
{{- end }}
{{- end -}}

{{- /* With client certificates asked for, the kubelet, which has none, can only see whether the port is open. */ -}}
{{- define "remediator.probes" -}}
{{- $scheme := include "remediator.scheme" . | upper -}}
{{- $handshake := dig "web" "tls_config" "client_ca_file" "" .Values.config -}}
{{- range $probe, $path := dict "startupProbe" "/healthz" "livenessProbe" "/healthz" "readinessProbe" "/readyz" }}
{{ $probe }}:
  {{- if $handshake }}
  tcpSocket: {port: http}
  {{- else }}
  httpGet: {path: {{ $path }}, port: http, scheme: {{ $scheme }}}
  {{- end }}
  {{- toYaml (get $.Values.probes $probe) | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "remediator.gitSync" -}}
{{- $git := .root.Values.rulesFrom.git -}}
image: {{ include "remediator.image" $git.image }}
imagePullPolicy: {{ $git.image.pullPolicy }}
args:
- --repo={{ $git.repository }}
- --ref={{ $git.ref }}
- --root=/rules/git
- --link=current
- --depth=1
{{- if .once }}
- --one-time
{{- else }}
- --period={{ $git.period }}
# Where the repository does not answer it asks again, and the pod stays ready with the rules that it has.
- --max-failures=-1
{{- end }}
{{- if $git.secret }}
{{- if hasPrefix "http" $git.repository }}
- --username={{ $git.username }}
- --password-file=/secrets/git/password
{{- else }}
- --ssh-key-file=/secrets/git/ssh
- --ssh-known-hosts-file=/secrets/git/known_hosts
{{- end }}
{{- end }}
env:
- {name: HOME, value: /tmp}
resources:
  {{- toYaml $git.resources | nindent 2 }}
securityContext:
  {{- toYaml .root.Values.securityContext | nindent 2 }}
  {{- if .root.Values.podSecurityContext.runAsUser }}
  # SSH wants a user that the image knows. Where the platform gives one, it makes it known as well.
  runAsUser: {{ $git.runAsUser }}
  {{- end }}
volumeMounts:
- {name: git, mountPath: /rules/git}
- {name: git-tmp, mountPath: /tmp}
# Where something is mounted already, no token is: Git is no business of the API server's.
- {name: no-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- if $git.secret }}
- {name: git-secret, mountPath: /secrets/git, readOnly: true}
{{- end }}
{{- end -}}
