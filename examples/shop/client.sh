#!/bin/sh
# A customer of the shop, from an empty cart to a paid order. It needs a host that serves examples/shop/actors:
#
#   build/release/troupe serve examples/shop/actors
#
# TROUPE_URL says where the host is, if not at its usual place. Run it as often as you like: each run has its own items,
# cart and card.
set -eu

url=${TROUPE_URL:-http://127.0.0.1:7420}
run=$(date +%s)-$$

# call WHAT PATH ARGUMENTS [ORDER]: says what happens, calls a method and prints the answer.
call() {
  printf '%s\n  ' "$1"
  curl --silent --show-error --request POST "$url/actors/$2" --data "$3" ${4:+--header "Idempotency-Key: $4"}
  printf '\n'
}

call 'Five lamps arrive, at 25.00:' "Stock/lamp-$run/receive" '[5, 2500]'
call 'Ann wants two of them:' "Cart/ann-$run/add" "[\"lamp-$run\", 2]"
call 'A moon is not sold here:' "Cart/ann-$run/add" "[\"moon-$run\", 1]"
call 'She puts 30.00 on her card:' "Payment/card-$run/deposit" '[3000]'
call 'That is not enough:' "Cart/ann-$run/checkout" "[\"card-$run\"]" "first-$run"
call 'The lamps were given back:' "Stock/lamp-$run/show" '[]'
call 'She puts 30.00 more on it:' "Payment/card-$run/deposit" '[3000]'
call 'Another order is paid:' "Cart/ann-$run/checkout" "[\"card-$run\"]" "second-$run"
call 'The same order again has the same answer:' "Cart/ann-$run/checkout" "[\"card-$run\"]" "second-$run"
call 'It was paid once:' "Payment/card-$run/show" '[]'
call 'And three lamps are left:' "Stock/lamp-$run/show" '[]'
