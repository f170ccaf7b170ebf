{{- /* Containers that bring the repository, and hold its manifest to the SHA-256 that is asked for. The server itself holds
     every file to the manifest at each start. */}}
{{- define "vitrine.repository.containers" -}}
{{- $from := .Values.repository }}
{{- if and $from.image (eq $from.volumeSource "copy") }}
- name: copy
  image: {{ $from.image }}
  command: [cp, -R, /{{ $from.path }}/., /repository/]
  {{- include "vitrine.repository.small" . | nindent 2 }}
  volumeMounts:
    - { name: repository, mountPath: /repository }
{{- end }}
{{- if $from.url }}
- name: copy
  image: {{ $from.rcloneImage }}
  args: [copy, {{ $from.url | quote }}, /repository, --checksum]
  env:
    - { name: RCLONE_CONFIG, value: "" }
    - { name: RCLONE_CACHE_DIR, value: /tmp }
    - { name: HOME, value: /tmp }
  {{- if $from.credentialsSecret }}
  envFrom:
    - secretRef: { name: {{ $from.credentialsSecret }} }
  {{- end }}
  {{- include "vitrine.repository.small" . | nindent 2 }}
  volumeMounts:
    - { name: repository, mountPath: /repository }
    - { name: tmp, mountPath: /tmp }
{{- end }}
{{- if $from.sha256 }}
- name: check
  image: {{ .Values.triton.image }}
  command: [sh, -c, 'echo "$SHA256  /models/manifest.json" | sha256sum --check --strict']
  env:
    - { name: SHA256, value: {{ $from.sha256 | quote }} }
  {{- include "vitrine.repository.small" . | nindent 2 }}
  volumeMounts:
    {{- include "vitrine.repository.mount" . | nindent 4 }}
{{- end }}
{{- end }}

{{- define "vitrine.repository.small" -}}
resources:
  requests: { cpu: 100m, memory: 128Mi }
  limits: { memory: 1Gi }
{{ include "vitrine.contained" . }}
{{- end }}

{{- define "vitrine.repository.mount" -}}
- name: repository
  mountPath: /models
  readOnly: true
  {{- $from := .Values.repository }}
  {{- if and $from.path (or $from.claim (and $from.image (eq $from.volumeSource "image"))) }}
  subPath: {{ $from.path }}
  {{- end }}
{{- end }}

{{- define "vitrine.repository.volume" -}}
- name: repository
  {{- if .Values.repository.claim }}
  persistentVolumeClaim: { claimName: {{ .Values.repository.claim }}, readOnly: true }
  {{- else if and .Values.repository.image (eq .Values.repository.volumeSource "image") }}
  image: { reference: {{ .Values.repository.image }} }
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
