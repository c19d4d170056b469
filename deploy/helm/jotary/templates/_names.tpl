{{- define "jotary.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "jotary.labels" -}}
app.kubernetes.io/name: jotary
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "jotary.selector" -}}
app.kubernetes.io/name: jotary
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "jotary.secret" -}}
{{- .Values.existingSecret | default (include "jotary.name" .) -}}
{{- end -}}

{{/* What the server and its migration are both told. */}}
{{- define "jotary.environment" -}}
- name: JOTARY_ISSUER
  value: {{ required "issuer: the URL that clients know the server by" .Values.issuer | quote }}
- name: JOTARY_SECRET_FILE
  value: /run/secrets/jotary/secret
- name: JOTARY_DATABASE_FILE
  value: /run/secrets/jotary/database-url
{{- range $name, $value := .Values.settings }}
- name: JOTARY_{{ $name | upper }}
  value: {{ include "jotary.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* A setting as the environment spells it. Helm reads numbers of a file as floats, and would write 1e+06. */}}
{{- define "jotary.text" -}}
{{- if kindIs "slice" . -}}{{ join "," . }}
{{- else if kindIs "map" . -}}{{ toJson . }}
{{- else if kindIs "float64" . -}}{{ int64 . }}
{{- else -}}{{ . }}
{{- end -}}
{{- end -}}

{{- define "jotary.image" -}}
{{ required "image.repository: where the image was pushed to" .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "jotary.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
