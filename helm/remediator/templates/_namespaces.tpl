{{- /*
The namespaces that all of a rule's signals are in, by `when` and the `label` that names one; none where they are not
confined. In doubt there is none, and rights are given in the whole cluster.
*/ -}}
{{- define "remediator.namespaces" -}}
{{- $one := "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?" -}}
{{- $found := list -}}
{{- $object := .when.object | default dict -}}
{{- if .when.object -}}
{{- $found = compact (list ($object.namespace | default "")) -}}
{{- else if .when.query -}}
{{- $found = include "remediator.pinned" (dict "query" .when.query "label" .label) | fromJsonArray -}}
{{- else if .label -}}
{{- $matchers := include "remediator.matchers" (.when.alert | default "") | fromJson -}}
{{- $value := get $matchers (printf "exported_%s" .label) -}}
{{- if not (hasKey $matchers (printf "exported_%s" .label)) -}}{{- $value = get $matchers .label -}}{{- end -}}
{{- if regexMatch (printf `^\(?%s(?:\|%s)*\)?$` $one $one) (toString $value) -}}
{{- $found = splitList "|" (trimAll "()" $value) | uniq | sortAlpha -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- /* The `=` and `=~` matchers of a signal as text, by their labels. */ -}}
{{- define "remediator.matchers" -}}
{{- $quoted := `"(?:[^"\\]|\\.)*"` -}}
{{- $word := "[^\\s{}!=~,\\\\\"'`]+" -}}
{{- $found := dict -}}
{{- $inside := regexReplaceAll (printf `^\s*(?:%s|%s)\s*(?:\{|$)` $quoted $word) . "" -}}
{{- range regexFindAll (printf `(?:%s|%s)\s*(?:=~|!=|!~|=)\s*(?:%s|%s)` $quoted $word $quoted $word) $inside -1 -}}
{{- $label := regexFind (printf `^(?:%s|%s)` $quoted $word) . -}}
{{- $rest := trimPrefix $label . | trim -}}
{{- $operator := regexFind "^(?:=~|!=|!~|=)" $rest -}}
{{- $value := trimPrefix $operator $rest | trim -}}
{{- if has $operator (list "=" "=~") -}}
{{- $_ := set $found (include "remediator.unquoted" $label) (include "remediator.unquoted" $value) -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- define "remediator.unquoted" -}}
{{- if hasPrefix "\"" . -}}{{- get (printf "{\"text\":%s}" . | fromJson) "text" -}}{{- else -}}{{- . -}}{{- end -}}
{{- end -}}

{{- /*
The values that a label can have in a query's result, where every selector says which one it must be. A query is taken
apart until nothing but selectors could be left: whatever else is left is a selector without braces, or unknown.
*/ -}}
{{- define "remediator.pinned" -}}
{{- $found := list -}}
{{- $one := "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?" -}}
{{- /* Texts that could be no namespace become empty, and so do comments. */ -}}
{{- $texts := printf "\"(%s)\"|'(%s)'|`(%s)`|\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|#[^\n]*" $one $one $one -}}
{{- $query := regexReplaceAll $texts .query "\"$1$2$3\"" -}}
{{- $confined := not (regexMatch `\b(?:label_replace|label_join|info|count_values)\b\s*(?:\(|by\b|without\b)` $query) -}}
{{- $selectors := regexFindAll `\{[^{}]*\}` $query -1 -}}
{{- $matcher := printf `[{,]\s*"?%s"?\s*=\s*"(%s)"` .label $one -}}
{{- range $selectors -}}
{{- $pinned := regexFind $matcher . -}}
{{- if or (not $pinned) (regexMatch `"\s*or\s+[a-zA-Z_"]` .) -}}{{- $confined = false -}}{{- end -}}
{{- $found = append $found (regexFind `"[^"]*"$` $pinned | trimAll "\"") -}}
{{- end -}}
{{- $left := regexReplaceAll `(?:[a-zA-Z_:][a-zA-Z0-9_:]*\s*)?\{[^{}]*\}` $query " 0 " -}}
{{- $left = regexReplaceAll `\[[0-9a-z:\s]*\]` $left " " -}}
{{- $left = regexReplaceAll `(?i)\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)` $left " " -}}
{{- $left = regexReplaceAll `(?i)\boffset\s*-?\s*[0-9]` $left " 0" -}}
{{- $left = regexReplaceAll `[a-zA-Z_][a-zA-Z0-9_]*\s*\(` $left "(" -}}
{{- $left = regexReplaceAll `\b[0-9][0-9a-zA-Z.]*` $left "0" -}}
{{- $left = regexReplaceAll `(?i)\b(?:and|or|unless|bool|atan2|group_left|group_right|inf|nan)\b` $left " " -}}
{{- if regexMatch `[a-zA-Z_\[\]{}]|</|>/` $left -}}{{- $confined = false -}}{{- end -}}
{{- toJson (ternary (uniq $found | sortAlpha) list (and $confined (gt (len $found) 0))) -}}
{{- end -}}
