{{/* Generated from operator/taskfleet/api by `make generate`; do not edit. */}}
{{- define "taskfleet.kinds" -}}
[workerpools, brokers, taskqueues, periodicschedules]
{{- end }}

{{- define "taskfleet.kindStatuses" -}}
[workerpools/status, brokers/status, taskqueues/status, periodicschedules/status]
{{- end }}

{{- define "taskfleet.kindScales" -}}
[workerpools/scale]
{{- end }}
