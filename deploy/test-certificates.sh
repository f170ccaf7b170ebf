#!/bin/sh
# Makes certificates for trying TLS out, in the layout that VITRINE_TLS_FOLDER has. Not for production: the authority's
# key lies beside them. Usage: test-certificates.sh FOLDER [HOST ...]
set -eu
folder=${1:?usage: test-certificates.sh FOLDER [HOST ...]}
shift
names="DNS:localhost,IP:127.0.0.1"
for host in "$@"; do names="$names,DNS:$host"; done
mkdir -p "$(dirname "$folder")"
umask 077
mkdir -p "$folder"
cd "$folder"

authority() { # NAME
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$1.key" -out "$1.crt" -subj "/CN=vitrine test $1" 2>/dev/null
}

certificate() { # NAME AUTHORITY
    openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1" -addext "subjectAltName=$names" \
        2>/dev/null
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -copy_extensions copy -days 30 \
        -out "$1.crt" 2>/dev/null
    rm "$1.csr"
}

authority ca
authority client-ca
certificate server ca
certificate canary client-ca # what the server's own questions show
certificate shop client-ca   # what a caller shows
echo "$folder: server.crt and server.key for the server; callers trust ca.crt, and show shop.crt and shop.key"
