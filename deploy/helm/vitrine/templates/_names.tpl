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

{{- /* Milliseconds that a request waited in queues, all steps together, in the last minute; 0 without requests. */}}
{{- define "vitrine.queueMs" -}}
{{- if .Values.autoscaling.keda.query }}{{ .Values.autoscaling.keda.query }}{{ else -}}
{{- $ours := printf `job="vitrine",namespace="%s"` .Release.Namespace -}}
(sum(rate(nv_inference_queue_duration_us{{ "{" }}{{ $ours }},model!~"vqa|vqa_choose|image_features|image_embedding|photo_text|photo_reading"}[1m])) / 1000 / (sum(rate(nv_inference_request_success{{ "{" }}{{ $ours }},model=~"vqa|vqa_choose|image_embedding|photo_reading"}[1m])) > 0)) or vector(0)
{{- end }}
{{- end }}
