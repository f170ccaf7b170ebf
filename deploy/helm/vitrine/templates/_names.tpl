{{- define "vitrine.name" -}}
{{- if contains "vitrine" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-vitrine{{ end }}
{{- end }}

{{- /* Name of the Service that stands for every server at once; callers spread their calls themselves. */}}
{{- define "vitrine.servers" -}}
{{ include "vitrine.name" . }}-servers
{{- end }}

{{- /* Labels by which pods of a part are found. Takes (list $ "triton"). */}}
{{- define "vitrine.selector" -}}
app.kubernetes.io/name: vitrine
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "vitrine.labels" -}}
{{ include "vitrine.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end }}

{{- /* What every pod has: no rights of its own, no account of the cluster, spread over nodes. */}}
{{- define "vitrine.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with (index . 0).Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "vitrine.selector" . | nindent 8 }}
{{- end }}

{{- define "vitrine.contained" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- /* Requests inside all servers at a time, on average of the last minute: requests a second times seconds each. */}}
{{- define "vitrine.requestsAtOnce" -}}
{{- if .Values.autoscaling.keda.query }}{{ .Values.autoscaling.keda.query }}{{ else -}}
sum(rate(nv_inference_request_duration_us{{ printf `{job="vitrine",namespace="%s",service="%s",model=~"vqa|vqa_choose|image_embedding|photo_reading"}` .Release.Namespace (include "vitrine.servers" .) }}[1m])) / 1e6 or vector(0)
{{- end }}
{{- end }}
