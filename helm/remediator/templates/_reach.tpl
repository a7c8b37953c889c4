{{- /*
Whom the pod talks to: `namespaces` and `ports` of all addresses in settings, database and Git; `asking` are the
namespaces from which it is asked itself, its own and those of Prometheus and Alertmanager.
*/ -}}
{{- define "remediator.reach" -}}
{{- $asking := list .Release.Namespace -}}
{{- range compact (concat (list (dig "prometheus" "url" "" .Values.config) (dig "alertmanager" "url" "" .Values.config)) (dig "alertmanager" "urls" list .Values.config)) -}}
{{- $place := include "remediator.place" (dict "address" . "home" $.Release.Namespace) | fromJson -}}
{{- with $place.namespace -}}{{- $asking = append $asking . -}}{{- end -}}
{{- end -}}
{{- $namespaces := list -}}
{{- $ports := list -}}
{{- $config := deepCopy .Values.config -}}
{{- with $config.web -}}{{- $_ := unset . "external_url" -}}{{- end -}}
{{- $addresses := regexFindAll "\"https?://[^\"]+\"" (toJson $config) -1 -}}
{{- range regexFindAll "\"smarthost\":\"[^\"]+\"" (toJson $config) -1 -}}
{{- $addresses = append $addresses (printf "smtp://%s" (trimAll "\"" (trimPrefix "\"smarthost\":" .))) -}}
{{- end -}}
{{- if .Values.database.url -}}{{- $addresses = append $addresses .Values.database.url -}}{{- end -}}
{{- if .Values.rulesFrom.git.enabled -}}{{- $addresses = append $addresses .Values.rulesFrom.git.repository -}}{{- end -}}
{{- range $addresses -}}
{{- $place := include "remediator.place" (dict "address" (trimAll "\"" .) "home" $.Release.Namespace) | fromJson -}}
{{- with $place.namespace -}}{{- $namespaces = append $namespaces . -}}{{- end -}}
{{- with $place.port -}}{{- $ports = append $ports . -}}{{- end -}}
{{- end -}}
{{- toJson (dict "asking" (uniq $asking | sortAlpha) "namespaces" (uniq $namespaces | sortAlpha) "ports" (uniq $ports | sortAlpha)) -}}
{{- end -}}

{{- /*
Where an address is: `service`, `service.namespace` and `[pod.]service.namespace.svc…` are in a namespace; all others, and
`service.namespace`, which may as well be a name of the outside, have a `port`.
*/ -}}
{{- define "remediator.place" -}}
{{- $scheme := regexFind "^[a-z+]+://" .address | trimSuffix "://" | default "ssh" -}}
{{- $authority := regexReplaceAll "^[a-z+]+://" .address "" | regexFind "^[^/?#]*" | splitList "@" | last -}}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" -}}
{{- $host := regexReplaceAll ":[^]:]*$" $authority "" -}}
{{- $usual := dict "http" "80" "https" "443" "postgres" "5432" "postgresql" "5432" "smtp" "25" "ssh" "22" -}}
{{- $port = $port | default (get $usual $scheme | default "443") -}}
{{- $parts := splitList "." $host -}}
{{- $found := dict "namespace" "" "port" $port -}}
{{- if or (hasPrefix "[" $host) (regexMatch "^[0-9.]+$" $host) -}}
{{- else if eq (len $parts) 1 -}}
{{- $found = dict "namespace" .home "port" "" -}}
{{- else if eq (len $parts) 2 -}}
{{- $_ := set $found "namespace" (index $parts 1) -}}
{{- else if regexMatch "^([^.]+\\.){2,3}svc(\\.|$)" $host -}}
{{- $found = dict "namespace" (regexReplaceAll "\\.svc(\\..*)?$" $host "" | splitList "." | last) "port" "" -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
