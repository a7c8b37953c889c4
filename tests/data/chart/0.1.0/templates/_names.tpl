{{- define "remediator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The product knows its own workload by this name: it is no value. */ -}}
{{- define "remediator.selector" -}}
app.kubernetes.io/name: remediator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "remediator.labels" -}}
{{ include "remediator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "remediator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "remediator.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- /* Names of the whole cluster tell apart releases of one name in several namespaces. */ -}}
{{- define "remediator.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "remediator.fullname" .) -}}
{{- end -}}

{{- define "remediator.image" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository .tag -}}
{{- end -}}
{{- end -}}

{{- define "remediator.ownImage" -}}
{{- include "remediator.image" (dict "repository" .Values.image.repository "digest" .Values.image.digest "tag" (.Values.image.tag | default .Chart.AppVersion)) -}}
{{- end -}}

{{- define "remediator.scheme" -}}
{{- if dig "web" "tls_config" "" .Values.config -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{- define "remediator.url" -}}
{{- printf "%s://%s.%s.svc:%v" (include "remediator.scheme" .) (include "remediator.fullname" .) .Release.Namespace .Values.service.port -}}
{{- end -}}
