{{- /* What cannot go together, said in a sentence before anything is installed. */}}
{{- define "vitrine.checks" -}}
{{- $v := .Values }}
{{- $from := $v.repository }}
{{- $places := len (compact (list $from.image $from.claim $from.url)) }}
{{- if $v.kserve.enabled }}
{{- if not $v.kserve.storageUri }}{{ fail "kserve.storageUri is empty: name where the repository is, such as s3://bucket/vitrine-small" }}{{ end }}
{{- if or $v.gateway.enabled $v.desk.enabled $v.bulk.enabled (ne $v.autoscaling.kind "none") }}{{ fail "kserve.enabled serves and scales by itself: switch off gateway, desk, bulk and autoscaling" }}{{ end }}
{{- if $places }}{{ fail "kserve.enabled takes the repository from kserve.storageUri: leave repository.image, .claim and .url empty" }}{{ end }}
{{- else if ne $places 1 }}{{ fail (printf "%d of repository.image, repository.claim and repository.url are set: set exactly one" $places) }}
{{- end }}
{{- if gt $v.autoscaling.minReplicas $v.autoscaling.maxReplicas }}{{ fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}{{ end }}
{{- if and $v.triton.tls.secret (or $v.gateway.enabled $v.desk.enabled) }}{{ fail "the gateway and the desk speak plain text to the servers: leave triton.tls.secret empty, or switch them off" }}{{ end }}
{{- if and $v.triton.tls.clientsSecret (not $v.triton.tls.secret) }}{{ fail "triton.tls.clientsSecret needs triton.tls.secret, which encrypts" }}{{ end }}
{{- if and (eq $v.cache.kind "redis") (not $v.cache.redis.host) }}{{ fail "cache.kind is redis: name it in cache.redis.host" }}{{ end }}
{{- if and $v.gateway.enabled (not (and $v.gateway.tlsSecret $v.gateway.keysSecret)) }}{{ fail "gateway.enabled needs gateway.tlsSecret and gateway.keysSecret" }}{{ end }}
{{- if and $v.desk.enabled (not (and $v.desk.keysSecret $v.desk.databaseSecret)) }}{{ fail "desk.enabled needs desk.keysSecret and desk.databaseSecret" }}{{ end }}
{{- if and $v.bulk.enabled (not (and $v.bulk.image $v.bulk.entrypoint)) }}{{ fail "bulk.enabled needs bulk.image and bulk.entrypoint" }}{{ end }}
{{- end }}
