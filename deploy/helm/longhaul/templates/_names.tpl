{{- define "longhaul.name" -}}
{{- if eq .Release.Name "longhaul" }}longhaul{{ else }}{{ printf "%s-longhaul" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "longhaul.selector" -}}
app.kubernetes.io/name: longhaul
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "longhaul.labels" -}}
{{ include "longhaul.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "longhaul.configSecret" -}}
{{ .Values.configSecret | default (printf "%s-config" (include "longhaul.name" .)) }}
{{- end }}

{{- define "longhaul.scheme" -}}
{{ ternary "HTTPS" "HTTP" .Values.tls }}
{{- end }}

{{/* The schema allows Mi and Gi. */}}
{{- define "longhaul.memoryLimitBytes" -}}
{{- $memory := .Values.resources.limits.memory }}
{{- if hasSuffix "Gi" $memory }}{{ mul (trimSuffix "Gi" $memory | int64) 1073741824 }}{{ else }}{{ mul (trimSuffix "Mi" $memory | int64) 1048576 }}{{ end }}
{{- end }}
