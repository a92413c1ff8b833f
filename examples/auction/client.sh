#!/bin/sh
# An auction from its first bid to its end, as clients see it. It needs a host that serves examples/auction/actors:
#
#   build/release/troupe serve examples/auction/actors
#
# TROUPE_URL says where the host is, if not at its usual place. Run it as often as you like: each run is a new auction.
set -eu

url=${TROUPE_URL:-http://127.0.0.1:7420}
auction=$url/actors/Auction/lamp-$(date +%s)-$$

# call WHAT METHOD ARGUMENTS: says what happens, calls a method of the auction and prints the answer.
call() {
  printf '%s\n  ' "$1"
  curl --silent --show-error --request POST "$auction/$2" --data "$3"
  printf '\n'
}

call 'Ann offers a lamp, from 10.00 on:' open '["ann", {"title": "A brass lamp", "start": 1000, "step": 100}]'
call 'Bob bids 10.00:' bid '["bob", 1000]'
call 'Cleo bids 10.50, which is too low:' bid '["cleo", 1050]'
call 'Cleo bids 12.00:' bid '["cleo", 1200]'
call 'Ann may not bid on her own lamp:' bid '["ann", 5000]'
call 'The bids, newest first:' history '[]'
call 'Bob cannot close the auction:' close '["bob"]'
call 'Ann closes it:' close '["ann"]'
call 'Bob comes too late:' bid '["bob", 2000]'
