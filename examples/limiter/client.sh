#!/bin/sh
# Somebody types faster than is allowed, and somebody guesses passwords. It needs a host that serves
# examples/limiter/actors:
#
#   build/release/troupe serve examples/limiter/actors
#
# TROUPE_URL says where the host is, if not at its usual place. Run it as often as you like: each run is somebody else.
set -eu

url=${TROUPE_URL:-http://127.0.0.1:7420}
who=ann-$(date +%s)-$$

ask() {
  curl --silent --show-error --globoff --request POST "$url/actors/$1/take" --data "$2"
}

# call WHAT LIMITER ARGUMENTS: says what happens, asks a limiter and prints the answer.
call() {
  printf '%s\n  ' "$1"
  ask "$2" "$3"
  printf '\n'
}

login="Bucket/[\"login\",\"$who\"]"
mail="Window/[\"mail\",\"$who\"]"
keys="Window/[\"keys\",\"$who\"]"

call 'A password, and it is wrong:' "$login" '[]'
call 'Four at once:' "$login" '[4]'
call 'That was the last for a minute:' "$login" '[]'
call 'Ann sends a mail:' "$mail" '[]'
call 'A second one:' "$mail" '[]'
call 'A third one:' "$mail" '[]'
call 'A fourth one, within the hour:' "$mail" '[]'
call 'She presses a key:' "$keys" '[]'
sleep 0.25
call 'A quarter of a second later there is room for five more:' "$keys" '[]'
call 'There is no rule for dreams:' "Bucket/[\"dreams\",\"$who\"]" '[]'
