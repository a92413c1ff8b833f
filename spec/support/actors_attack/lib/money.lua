return { cents = 5 }
