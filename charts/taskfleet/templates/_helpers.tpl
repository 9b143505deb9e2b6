{{/* The name of every object: unique among the releases of a namespace. */}}
{{- define "taskfleet.name" -}}
{{- if hasPrefix "taskfleet" .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}-operator
{{- else -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}-taskfleet-operator
{{- end -}}
{{- end }}

{{/* The name of cluster-wide objects: unique among the releases of the cluster. */}}
{{- define "taskfleet.clusterName" -}}
{{ include "taskfleet.name" . }}:{{ .Release.Namespace }}
{{- end }}

{{- define "taskfleet.selectorLabels" -}}
app.kubernetes.io/name: taskfleet
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "taskfleet.labels" -}}
{{ include "taskfleet.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The reference of an image, of name `operator`, `worker` or `celery`. */}}
{{- define "taskfleet.image" -}}
{{- $image := .root.Values.image -}}
{{- $prefix := empty $image.prefix | ternary "" (printf "%s/" (trimSuffix "/" $image.prefix)) -}}
{{- $default := printf "%staskfleet-%s:%s" $prefix .name ($image.tag | default .root.Chart.AppVersion) -}}
{{ get $image .name | default $default }}
{{- end }}

{{/* Whether users can query the operator: by default if it manages the whole cluster. */}}
{{- define "taskfleet.queryApi" -}}
{{ kindIs "bool" .Values.queryApi.enabled | ternary .Values.queryApi.enabled (empty .Values.watchNamespaces) }}
{{- end }}

{{/* The permissions in managed namespaces. Secrets are read by name, never listed. */}}
{{- define "taskfleet.rules" -}}
- apiGroups: [taskfleet.dev]
  resources: {{ include "taskfleet.kinds" . }}
  verbs: [get, list, watch]
- apiGroups: [taskfleet.dev]
  resources: {{ include "taskfleet.kindStatuses" . }}
  verbs: [patch]
{{- if .Values.autoCreateBroker }}
- apiGroups: [taskfleet.dev]
  resources: [brokers]
  verbs: [create, patch]
{{- end }}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}
