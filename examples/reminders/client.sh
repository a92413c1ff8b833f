#!/bin/sh
# A person and some reminders. It needs a host that serves examples/reminders/actors:
#
#   build/release/troupe serve examples/reminders/actors
#
# TROUPE_URL says where the host is, if not at its usual place. Run it as often as you like: each run is another person.
set -eu

url=${TROUPE_URL:-http://127.0.0.1:7420}
person=$url/actors/Reminders/ann-$(date +%s)-$$

ask() {
  curl --silent --show-error --request POST "$person/$1" --data "$2"
}

# call WHAT METHOD ARGUMENTS: says what happens, calls a method and prints the answer.
call() {
  printf '%s\n  ' "$1"
  ask "$2" "$3"
  printf '\n'
}

# Waits for a ring, as somebody would who looks again and again, though not for ever.
wait_for_ring() {
  looks=0
  until ask inbox '[]' | grep -q "\"ring\":$1[,}]"; do
    looks=$((looks + 1))
    if [ "$looks" -gt 300 ]; then
      printf 'ring %s has not come\n' "$1" >&2
      exit 1
    fi
    sleep 0.1
  done
}

call 'In a second, the tea:' remind '["Take out the tea", {"after": 1}]'
call 'On weekdays at half past six, UTC:' remind '["Get up", {"cron": "30 6 * * mon-fri"}]'
call 'Each week:' remind '["Water the cactus", {"every": 604800}]'
call 'That is no time:' remind '["Dream", {"cron": "61 * * * *"}]'
call 'On second thoughts, the cactus needs less:' cancel '[3]'
wait_for_ring 1
call 'It rang:' inbox '[]'
call 'In a second once more:' snooze '[1, 1]'
wait_for_ring 2
call 'It rang again:' inbox '[]'
call 'The tea is ready:' dismiss '[2]'
call 'What is to come:' list '[]'
call 'Ann leaves:' forget_me '[]'
call 'Nothing is left:' list '[]'
