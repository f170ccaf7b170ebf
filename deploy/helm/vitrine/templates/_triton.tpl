{{- /* The container that serves. Takes (list $ "name" "/models" "name of the gRPC port"). */}}
{{- define "vitrine.triton" -}}
{{- $ := index . 0 }}
{{- $triton := $.Values.triton }}
{{- $cache := $.Values.cache }}
- name: {{ index . 1 }}
  image: {{ $triton.image }}
  args:
    - {{ index . 2 }}
    {{- if eq $cache.kind "redis" }}
    - --redis={{ $cache.redis.host }}:{{ $cache.redis.port }}
    {{- else }}
    - --cache-mib={{ $cache.mib }}
    {{- end }}
    - --tls-folder=/tls
    - --trace-url={{ $triton.traceUrl }}
    - --ready-timeout={{ $triton.readyTimeoutS }}
    {{- with $triton.args }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if and (eq $cache.kind "redis") $cache.redis.passwordSecret }}
  env:
    - name: TRITONCACHE_REDIS_PASSWORD
      valueFrom:
        secretKeyRef: { name: {{ $cache.redis.passwordSecret }}, key: {{ $cache.redis.passwordKey }} }
  {{- end }}
  ports:
    - { name: {{ index . 3 }}, containerPort: 8001 }
    - { name: metrics, containerPort: 8002 }
  {{- /* Starting and ready: a real question is answered. */}}
  startupProbe:
    exec: { command: [/opt/vitrine/healthcheck.sh] }
    periodSeconds: 10
    timeoutSeconds: 8
    failureThreshold: {{ add (div $triton.readyTimeoutS 10) 3 }}
  readinessProbe:
    exec: { command: [/opt/vitrine/healthcheck.sh] }
    periodSeconds: 10
    timeoutSeconds: 8
    failureThreshold: 3
  {{- /* Alive: Triton's port answers at all, under any load. Restarts are the supervisor's, in the container; the
       cluster's come after its slowest try, which waits 60 s and may take as long as a start. */}}
  livenessProbe:
    {{- if $triton.tls.secret }}
    tcpSocket: { port: {{ index . 3 }} }
    {{- else }}
    grpc: { port: 8001 }
    {{- end }}
    periodSeconds: 20
    timeoutSeconds: 5
    failureThreshold: {{ div (add $triton.readyTimeoutS 80) 20 }}
  lifecycle:
    preStop:
      sleep: { seconds: {{ $triton.leaveS }} }
  resources:
    requests:
      {{- toYaml $triton.resources.requests | nindent 6 }}
    limits:
      {{- toYaml $triton.resources.limits | nindent 6 }}
      {{- if $triton.gpus }}
      nvidia.com/gpu: {{ $triton.gpus }}
      {{- end }}
  {{- include "vitrine.contained" . | nindent 2 }}
  volumeMounts:
    - { name: tls, mountPath: /tls, readOnly: true }
    - { name: shared-memory, mountPath: /dev/shm }
    - { name: tmp, mountPath: /tmp }
{{- end }}

{{- /* Volumes of that container, without the repository. */}}
{{- define "vitrine.triton.volumes" -}}
{{- $tls := .Values.triton.tls }}
- name: tls
  projected:
    defaultMode: 0440
    sources:
      {{- if $tls.secret }}
      - secret:
          name: {{ $tls.secret }}
          items:
            - { key: tls.crt, path: server.crt }
            - { key: tls.key, path: server.key }
            - { key: ca.crt, path: ca.crt }
      {{- else }}
      - configMap: { name: {{ include "vitrine.name" . }}-no-tls }
      {{- end }}
      {{- if $tls.clientsSecret }}
      - secret:
          name: {{ $tls.clientsSecret }}
          items:
            - { key: client-ca.crt, path: client-ca.crt }
            - { key: canary.crt, path: canary.crt }
            - { key: canary.key, path: canary.key }
      {{- end }}
      {{- if and (eq .Values.cache.kind "redis") .Values.cache.redis.caSecret }}
      - secret:
          name: {{ .Values.cache.redis.caSecret }}
          items:
            - { key: ca.crt, path: redis-ca.crt }
      {{- end }}
- name: shared-memory
  emptyDir: { medium: Memory, sizeLimit: {{ .Values.triton.sharedMemory }} }
- name: tmp
  emptyDir: {}
{{- end }}

{{- /* Seconds from "no new callers" to the kill: 20 of them are for answers, the rest for clearing up. */}}
{{- define "vitrine.triton.endS" -}}
{{ add .Values.triton.leaveS 30 }}
{{- end }}
