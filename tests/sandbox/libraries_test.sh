#!/bin/sh
# Each worker links what it needs and nothing else: a library that is not there cannot be taken over, nor ask for more of
# the sandbox. What the libraries bring along themselves is named as well.
# Usage: libraries_test.sh [FOLDER]     FOLDER holds NAME/NAME or NAME of each worker (default: the present one)
set -eu
folder=${1:-.}
passed=0
failed=0

if ! command -v readelf >/dev/null || ! command -v ldd >/dev/null; then
  echo 'SKIPPED: readelf or ldd is missing'
  echo '0 passed, 0 failed'
  exit 77
fi

ok() { passed=$((passed + 1)); }
bad() {
  failed=$((failed + 1))
  echo "FAILED: $*"
}

# The C and C++ libraries and the loader come with the language.
language='^(libc|libm|libstdc\+\+|libgcc_s|ld-linux.*)\.so'

# check NAME DIRECT INDIRECT: patterns of what it names itself, and of what these bring along.
check() {
  program=$folder/$1/$1
  [ -x "$program" ] || program=$folder/$1
  if ! needed=$(readelf -dW "$program" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p') || [ -z "$needed" ]; then
    bad "$1: no such program"
    return
  fi
  if echo "$needed" | grep -qE '^lib(asan|ubsan)\.'; then
    echo "SKIPPED: $1 is built with sanitizers"
    ok
    return
  fi
  more=$(echo "$needed" | grep -vE "$language" | grep -vE "$2" || true)
  if [ -z "$more" ]; then ok; else bad "$1 links $(echo "$more" | tr "\n" " ")"; fi
  for library in $(ldd "$program" | sed -n 's/^[[:space:]]*\([^ ]*\) .*/\1/p' | sed 's|.*/||'); do
    if echo "$library" | grep -qE "$language|linux-vdso|$2|$3"; then ok; else bad "$1 gets $library"; fi
  done
  # What the hardening flags are for; the hardened build is the default one.
  header=$(readelf -hdlW "$program")
  if echo "$header" | grep -q 'NOW' && echo "$header" | grep -q 'GNU_RELRO'; then ok; else bad "$1 has no full RELRO"; fi
  if echo "$header" | grep -qE 'Type:.*DYN'; then ok; else bad "$1 is not position-independent"; fi
  if echo "$header" | grep -E 'GNU_STACK' | grep -q 'RWE'; then bad "$1 has an executable stack"; else ok; fi
}

event='^libevent_core-'
seccomp='^libseccomp\.'
nothing='^$'
check smtpd-proxy "$event|$seccomp" "$nothing"
check policyd "$event|$seccomp|^libdb-5\." "$nothing"
check logd "$event|$seccomp|^libtinyxml2\." "$nothing"
# libunbound links the whole of libevent, and OpenSSL for DNS over TLS and DNSSEC, neither of which is used here.
check dnsd "$event|$seccomp|^libunbound\." '^libevent-|^libssl\.|^libcrypto\.|^libprotobuf-c\.|^libnghttp2\.|^libhogweed\.|^libnettle\.|^libgmp\.|^libz\.|^libzstd\.'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
