"""What the names in a tree mean: modules, functions, parameters, routes. Errors are found here."""
