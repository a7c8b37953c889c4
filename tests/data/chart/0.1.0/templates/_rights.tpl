{{- /*
The account's rights, from settings and the rules in values: what `remediator rbac` gives for them, by the table that
the product's own declarations are written to. Of a place ("" is the whole cluster) a line, of a line its verbs:
{"shop": {"apps/deployments": {"get": true}}}. Names narrow a line: "coordination.k8s.io/leases=remediator".
*/ -}}
{{- define "remediator.rights" -}}
{{- $table := .Files.Get "files/grants.json" | fromJson -}}
{{- $config := .Values.config -}}
{{- $found := list -}}
{{- $home := .Release.Namespace -}}
{{- $name := include "remediator.fullname" . -}}
{{- $switch := dig "kubernetes" "pause_configmap" (printf "%s-pause" $name) $config -}}
{{- $election := $config.leader_election | default dict -}}
{{- $said := list -}}
{{- if $switch -}}{{- $said = append $said (list "pauses" $home $switch) -}}{{- end -}}
{{- if and .Values.database.url (ne (toString $election.enabled) "false") -}}
{{- $said = append $said (list "elects" ($election.namespace | default $home) ($election.lease | default $name)) -}}
{{- end -}}
{{- if dig "web" "auth" "kubernetes" "enabled" false $config -}}{{- $said = append $said (list "reviews" "" "") -}}{{- end -}}
{{- range $said -}}
{{- $where := index . 1 -}}{{- $named := index . 2 -}}
{{- range get $table.service (index . 0) -}}
{{- $found = append $found (printf "%s|%s%s" (ternary "" $where (hasPrefix "*" .right)) (trimPrefix "*" .right) (ternary (printf "=%s" $named) "" (gt (len .names) 0))) -}}
{{- end -}}
{{- end -}}
{{- $events := ne (toString (dig "kubernetes" "events" true $config)) "false" -}}
{{- range $file := .Values.rules -}}
{{- range $group := $file.groups -}}
{{- range $rule := $group.rules -}}
{{- $asked := dict "table" $table "rule" $rule "modes" (list ($config.mode | default "observe") ($group.mode | default "enforce") ($rule.mode | default "enforce")) "events" $events "wide" $.Values.rbac.clusterWide -}}
{{- $found = concat $found (include "remediator.ruleRights" $asked | fromJsonArray) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $placed := dict -}}
{{- $all := uniq $found -}}
{{- range $all -}}
{{- $where := regexFind "^[^|]*" . -}}
{{- $right := trimPrefix (printf "%s|" $where) . -}}
{{- if or (not $where) (not (has (printf "|%s" $right) $all)) -}}
{{- $verb := regexFind "^[^ ]+" $right -}}
{{- $line := trimPrefix (printf "%s " $verb) $right -}}
{{- if not (hasKey $placed $where) -}}{{- $_ := set $placed $where dict -}}{{- end -}}
{{- $lines := get $placed $where -}}
{{- if not (hasKey $lines $line) -}}{{- $_ := set $lines $line dict -}}{{- end -}}
{{- $_ := set (get $lines $line) $verb true -}}
{{- end -}}
{{- end -}}
{{- toJson $placed -}}
{{- end -}}

{{- /* What one rule needs: a list of `place|verb group/resource`. */ -}}
{{- define "remediator.ruleRights" -}}
{{- $table := .table -}}
{{- $rule := .rule -}}
{{- $target := $rule.target | default dict -}}
{{- $object := dig "when" "object" dict $rule -}}
{{- $watched := $object.kind | default "" -}}
{{- $wanted := $target.kind | default "" -}}
{{- if and $watched (not $wanted) (not (has $watched (list "Pod" "ReplicaSet"))) -}}{{- $wanted = $watched -}}{{- end -}}
{{- $label := $target.label | default "" -}}
{{- $rights := dict -}}

{{- /* From the signal to the target. */ -}}
{{- $starts := list -}}
{{- if $watched -}}
{{- $starts = list $watched -}}
{{- range list "list" "watch" "get" -}}
{{- $_ := set $rights (include "remediator.right" (dict "table" $table "verb" . "kind" $watched)) true -}}
{{- end -}}
{{- else if $label -}}
{{- $starts = compact (list (get $table.labels $label | default $wanted)) -}}
{{- else -}}
{{- $starts = get $table.starts (include "remediator.shown" (dict "table" $table "kind" $wanted)) -}}
{{- end -}}
{{- if and (not $watched) (eq $wanted "Node") (ne $label "node") -}}
{{- range $table.addresses -}}{{- $_ := set $rights . true -}}{{- end -}}
{{- end -}}
{{- $targets := compact (list $wanted) -}}
{{- range $start := $starts -}}
{{- $custom := ternary $wanted $start (contains "." $wanted) -}}
{{- $way := printf "%s>%s" (include "remediator.shown" (dict "table" $table "kind" $start)) (include "remediator.shown" (dict "table" $table "kind" $wanted)) -}}
{{- range get $table.between $way -}}
{{- $kind := ternary $custom . (eq . "Custom") -}}
{{- $_ := set $rights (include "remediator.right" (dict "table" $table "verb" "get" "kind" $kind)) true -}}
{{- if not $wanted -}}{{- $targets = append $targets $kind -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $targets = uniq $targets -}}

{{- /* What is read and written of each kind of target. */ -}}
{{- $mode := include "remediator.lowest" .modes -}}
{{- $texts := list -}}
{{- $conditions := $rule.if | default list -}}
{{- if kindIs "string" $conditions -}}{{- $conditions = list $conditions -}}{{- end -}}
{{- range $conditions -}}{{- if kindIs "string" . -}}{{- $texts = append $texts . -}}{{- end -}}{{- end -}}
{{- $steps := list -}}
{{- range $rule.do -}}
{{- $step := . -}}
{{- if kindIs "string" $step -}}{{- $step = dict $step dict -}}{{- end -}}
{{- range $action, $given := $step -}}
{{- $args := $given | default dict -}}
{{- $until := $args.until | default $rule.until | default dict -}}
{{- $texts = append $texts ($until.check | default "") -}}
{{- $variant := include "remediator.variant" (dict "action" $action "args" $args) -}}
{{- if and (has $action $table.tells) (eq $mode "off") -}}{{- $variant = printf "%s.off" $action -}}{{- end -}}
{{- $proves := and (eq $action "drain") (ne (toString $until.ready) "false") -}}
{{- $steps = append $steps (dict "action" $action "variant" $variant "proves" $proves) -}}
{{- end -}}
{{- end -}}
{{- $spoken := join "\n" $texts -}}
{{- range $kind := $targets -}}
{{- $row := get $table.kinds (include "remediator.shown" (dict "table" $table "kind" $kind)) -}}
{{- $found := $row.looks -}}
{{- range $word, $more := $row.speaks -}}
{{- if regexMatch (printf "\\b%s\\b" $word) $spoken -}}{{- $found = concat $found $more -}}{{- end -}}
{{- end -}}
{{- range $steps -}}
{{- if has .action $table.revisions -}}{{- $found = concat $found ($row.revisions | default list) -}}{{- end -}}
{{- $found = concat $found (get $row.actions .variant | default list) -}}
{{- if and .proves (hasKey $row.actions .variant) -}}{{- $found = concat $found ($row.drained | default list) -}}{{- end -}}
{{- end -}}
{{- $resource := include "remediator.resource" (dict "table" $table "kind" $kind) -}}
{{- range $found -}}{{- $_ := set $rights (replace "{custom}" $resource .) true -}}{{- end -}}
{{- end -}}

{{- /* Where. */ -}}
{{- $within := list -}}
{{- if not .wide -}}
{{- $within = include "remediator.namespaces" (dict "when" $rule.when "label" (ternary $label ($target.namespace_label | default "namespace") (eq $wanted "Namespace"))) | fromJsonArray -}}
{{- end -}}
{{- $places := ternary $within (list "") (gt (len $within) 0) -}}
{{- $placed := list -}}
{{- range $right := keys $rights | sortAlpha -}}
{{- range ternary (list "") $places (hasPrefix "*" $right) -}}
{{- $placed = append $placed (printf "%s|%s" . (trimPrefix "*" $right)) -}}
{{- end -}}
{{- end -}}
{{- if and .events (has $mode (list "approve" "enforce")) -}}
{{- range $kind := $targets -}}
{{- $inside := has (include "remediator.shown" (dict "table" $table "kind" $kind)) $table.namespaced -}}
{{- range ternary $places (list "default") $inside -}}
{{- $placed = append $placed (printf "%s|%s" . $table.events) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson (uniq $placed) -}}
{{- end -}}

{{- define "remediator.shown" -}}
{{- if contains "." .kind -}}Custom{{- else -}}{{- .kind -}}{{- end -}}
{{- end -}}

{{- /* The group and resource of a kind. A custom one's plural is guessed, as `remediator rbac` guesses it. */ -}}
{{- define "remediator.resource" -}}
{{- if contains "." .kind -}}
{{- $parts := splitList "." .kind -}}
{{- $single := index $parts 0 | lower -}}
{{- $plural := printf "%ss" $single -}}
{{- if hasSuffix "s" $single -}}{{- $plural = printf "%ses" $single -}}
{{- else if hasSuffix "y" $single -}}{{- $plural = printf "%sies" (trimSuffix "y" $single) -}}{{- end -}}
{{- printf "%s/%s" (slice $parts 2 | join ".") $plural -}}
{{- else -}}
{{- get .table.resources .kind -}}
{{- end -}}
{{- end -}}

{{- define "remediator.right" -}}
{{- printf "%s%s %s" (ternary "*" "" (has .kind .table.wide)) .verb (include "remediator.resource" .) -}}
{{- end -}}

{{- define "remediator.lowest" -}}
{{- $lowest := "enforce" -}}
{{- range $mode := list "approve" "observe" "off" -}}
{{- if has $mode $ -}}{{- $lowest = $mode -}}{{- end -}}
{{- end -}}
{{- $lowest -}}
{{- end -}}

{{- /* An action by what its arguments make of it: see VARIANTS of the table's maker. */ -}}
{{- define "remediator.variant" -}}
{{- $found := .action -}}
{{- $args := .args -}}
{{- if eq .action "scale" -}}
{{- if or (hasKey $args "last_good") (and (hasKey $args "by") (not (hasPrefix "-" (toString $args.by)))) -}}{{- $found = "scale.up" -}}{{- end -}}
{{- else if eq .action "delete_pods" -}}
{{- $phases := ternary (list $args.phase) ($args.phase | default list) (kindIs "string" $args.phase) -}}
{{- if not (hasKey $args "phase") -}}{{- $phases = ternary (list "any") list (hasKey $args "reason") -}}{{- end -}}
{{- if not (without $phases "Failed" "Succeeded") -}}{{- $found = "delete_pods.ended" -}}{{- end -}}
{{- else if eq .action "patch" -}}
{{- $heads := list -}}
{{- if kindIs "slice" $args.patch -}}
{{- range $args.patch -}}
{{- if ne .op "test" -}}{{- $heads = append $heads (regexFind "^/[^/]*(/[^/]*)?" .path | trimPrefix "/") -}}{{- end -}}
{{- end -}}
{{- else -}}
{{- range $name, $inner := $args.patch -}}
{{- if and (kindIs "map" $inner) $inner -}}
{{- range $member, $_ := $inner -}}{{- $heads = append $heads (printf "%s/%s" $name $member) -}}{{- end -}}
{{- else -}}{{- $heads = append $heads (printf "%s/" $name) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if not (without $heads "metadata/labels" "metadata/annotations") -}}{{- $found = "patch.labels" -}}
{{- else if has "spec/replicas" $heads -}}{{- $found = "patch.replicas" -}}
{{- else if has "spec/template" $heads -}}{{- $found = "patch.template" -}}{{- end -}}
{{- end -}}
{{- $found -}}
{{- end -}}
