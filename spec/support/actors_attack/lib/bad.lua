error "this module never loads"
