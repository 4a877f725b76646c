package crease

// PrintHost prints a whole array, for comparison with one of which corners were read.
var PrintHost = printHost
