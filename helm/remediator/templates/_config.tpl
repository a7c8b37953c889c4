{{- /* What the values leave to the chart, and what contradicts itself. */ -}}
{{- define "remediator.refusals" -}}
{{- $config := .Values.config -}}
{{- if hasKey $config "rule_files" -}}
{{- fail "config.rule_files is the chart's own: write rules, rulesFrom.configMaps or rulesFrom.git" -}}
{{- end -}}
{{- if dig "storage" "url" "" $config -}}
{{- fail "config.storage.url is the chart's own: write database.url for PostgreSQL, or nothing for SQLite on a volume" -}}
{{- end -}}
{{- if dig "storage" "password_file" "" $config -}}
{{- fail "config.storage.password_file is the chart's own: write database.passwordSecret" -}}
{{- end -}}
{{- if dig "web" "listen" "" $config -}}
{{- fail "config.web.listen is the chart's own: write listenAddress for another address than 0.0.0.0" -}}
{{- end -}}
{{- if and .Values.webhook.tokenSecret.name (dig "web" "auth" "webhook_token_file" "" $config) -}}
{{- fail "webhook.tokenSecret and config.web.auth.webhook_token_file both say what the webhook's token is: write one of them" -}}
{{- end -}}
{{- if and .Values.operators (dig "web" "auth" "operators" "" $config) -}}
{{- fail "operators and config.web.auth.operators both say who may operate: write one of them" -}}
{{- end -}}
{{- if and .Values.database.passwordSecret.name (not .Values.database.url) -}}
{{- fail "database.passwordSecret is given without database.url: write postgresql://user@host:5432/database there" -}}
{{- end -}}
{{- if regexMatch "^[a-z]+://[^@/]*:[^@/]*@|[?&]password=" .Values.database.url -}}
{{- fail "database.url holds a password: leave it out, and name the Secret that has it in database.passwordSecret" -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.database.url) -}}
{{- fail (printf "replicas is %d, and replicas cannot share an SQLite file: write database.url, or leave replicas out" (int .Values.replicas)) -}}
{{- end -}}
{{- if and .Values.alertmanagerConfig.enabled (not .Values.webhook.tokenSecret.name) -}}
{{- fail "alertmanagerConfig needs a token, without which the webhook takes nothing from other machines: write webhook.tokenSecret.name" -}}
{{- end -}}
{{- if and .Values.rulesFrom.git.enabled (not .Values.rulesFrom.git.repository) -}}
{{- fail "rulesFrom.git is enabled and names no repository: write rulesFrom.git.repository" -}}
{{- end -}}
{{- range $name, $_ := .Values.rules -}}
{{- if not (regexMatch "^[A-Za-z0-9][-A-Za-z0-9_.]*\\.yaml$" $name) -}}
{{- fail (printf "rules has a file %q: a name is letters, digits, dots, dashes and underscores, and ends with .yaml" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "remediator.ruleFiles" -}}
{{- $found := list -}}
{{- if .Values.rules -}}{{- $found = append $found "/rules/values/*.yaml" -}}{{- end -}}
{{- range .Values.rulesFrom.configMaps -}}{{- $found = append $found (printf "/rules/from/%s/*.yaml" .) -}}{{- end -}}
{{- with .Values.rulesFrom.git -}}
{{- if .enabled -}}{{- $found = append $found (printf "/rules/git/current/%s" .path) -}}{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- /* remediator.yaml: what values say of it, and what the chart itself knows. */ -}}
{{- define "remediator.config" -}}
{{- include "remediator.refusals" . -}}
{{- $config := deepCopy .Values.config -}}
{{- $name := include "remediator.fullname" . -}}
{{- $files := include "remediator.ruleFiles" . | fromJsonArray -}}
{{- if $files -}}{{- $_ := set $config "rule_files" $files -}}{{- end -}}
{{- $storage := $config.storage | default dict -}}
{{- $election := $config.leader_election | default dict -}}
{{- if .Values.database.url -}}
{{- $_ := set $storage "url" .Values.database.url -}}
{{- with .Values.database.passwordSecret -}}
{{- if .name -}}{{- $_ := set $storage "password_file" (printf "/secrets/%s/%s" .name .key) -}}{{- end -}}
{{- end -}}
{{- if not (hasKey $election "lease") -}}{{- $_ := set $election "lease" $name -}}{{- end -}}
{{- $_ := set $config "leader_election" $election -}}
{{- else -}}
{{- $_ := set $storage "url" "sqlite:///var/lib/remediator/journal.db" -}}
{{- end -}}
{{- $_ := set $config "storage" $storage -}}
{{- $kubernetes := $config.kubernetes | default dict -}}
{{- if not (hasKey $kubernetes "pause_configmap") -}}
{{- $_ := set $kubernetes "pause_configmap" (printf "%s-pause" $name) -}}
{{- end -}}
{{- $_ := set $config "kubernetes" $kubernetes -}}
{{- $web := $config.web | default dict -}}
{{- $_ := set $web "listen" (printf "%s:8080" .Values.listenAddress) -}}
{{- $auth := $web.auth | default dict -}}
{{- with .Values.webhook.tokenSecret -}}
{{- if .name -}}{{- $_ := set $auth "webhook_token_file" (printf "/secrets/%s/%s" .name .key) -}}{{- end -}}
{{- end -}}
{{- $operators := list -}}
{{- range .Values.operators -}}
{{- $file := printf "/secrets/%s/%s" .tokenSecret.name (.tokenSecret.key | default "token") -}}
{{- $operators = append $operators (dict "name" .name "roles" .roles "token_file" $file) -}}
{{- end -}}
{{- if $operators -}}{{- $_ := set $auth "operators" $operators -}}{{- end -}}
{{- if $auth -}}{{- $_ := set $web "auth" $auth -}}{{- end -}}
{{- $_ := set $config "web" $web -}}
{{- $config | toYaml -}}
{{- end -}}

{{- /* The Secrets that are mounted, each with the keys that are wanted of it; none for all. */ -}}
{{- define "remediator.secrets" -}}
{{- $found := dict -}}
{{- $wanted := list .Values.webhook.tokenSecret .Values.database.passwordSecret -}}
{{- range .Values.operators -}}{{- $wanted = append $wanted (dict "name" .tokenSecret.name "key" (.tokenSecret.key | default "token")) -}}{{- end -}}
{{- range $wanted -}}
{{- if .name -}}
{{- $_ := set $found .name (append (get $found .name | default list) .key | uniq) -}}
{{- end -}}
{{- end -}}
{{- range .Values.secrets -}}{{- $_ := set $found . list -}}{{- end -}}
{{- toJson $found -}}
{{- end -}}
