#!/bin/sh
# Two auctions, as clients see them: one that its seller closes, and one that closes itself. It needs a host that serves
# examples/auction/actors:
#
#   build/release/troupe serve examples/auction/actors
#
# TROUPE_URL says where the host is, if not at its usual place. Run it as often as you like: each run has its own auctions
# and members.
set -eu

url=${TROUPE_URL:-http://127.0.0.1:7420}
run=$(date +%s)-$$

ask() {
  curl --silent --show-error --request POST "$url/actors/$1" --data "$2"
}

# call WHAT PATH ARGUMENTS: says what happens, calls a method and prints the answer.
call() {
  printf '%s\n  ' "$1"
  ask "$2" "$3"
  printf '\n'
}

# Waits until an answer holds a text, as somebody would who looks again and again, though not for ever.
wait_for() {
  looks=0
  until ask "$1" "$2" | grep -q "$3"; do
    looks=$((looks + 1))
    if [ "$looks" -gt 300 ]; then
      printf '%s has no %s\n' "$1" "$3" >&2
      exit 1
    fi
    sleep 0.1
  done
}

lamp=Auction/lamp-$run
call 'Ann offers a lamp, from 10.00 on:' "$lamp/open" \
  "[\"ann-$run\", {\"title\": \"A brass lamp\", \"start\": 1000, \"step\": 100}]"
call 'Bob bids 10.00:' "$lamp/bid" "[\"bob-$run\", 1000]"
call 'Cleo bids 10.50, which is too low:' "$lamp/bid" "[\"cleo-$run\", 1050]"
call 'Cleo bids 12.00:' "$lamp/bid" "[\"cleo-$run\", 1200]"
call 'Ann may not bid on her own lamp:' "$lamp/bid" "[\"ann-$run\", 5000]"
call 'The bids, newest first:' "$lamp/history" '[]'
call 'Bob cannot close the auction:' "$lamp/close" "[\"bob-$run\"]"
call 'Ann closes it:' "$lamp/close" "[\"ann-$run\"]"
call 'Bob comes too late:' "$lamp/bid" "[\"bob-$run\", 2000]"

rug=Auction/rug-$run
call 'Ann offers a rug, for five seconds:' "$rug/open" \
  "[\"ann-$run\", {\"title\": \"A rug\", \"start\": 500, \"step\": 100, \"seconds\": 5, \"extension\": 6}]"
call 'Bob bids 5.00, and the auction ends later:' "$rug/bid" "[\"bob-$run\", 500]"
wait_for "Member/ann-$run/news" '[1]' '"A rug"'
call 'It has closed itself:' "$rug/show" '[]'
wait_for "Member/bob-$run/news" '[1]' '"won"'
call 'Bob has heard of all this:' "Member/bob-$run/news" '[]'
call 'And Ann has sold both:' "Member/ann-$run/news" '[]'
