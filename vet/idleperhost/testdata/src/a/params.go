package a

// Structs of type parameters.

type number struct{ X int }

func setNumber[P interface{ *number }](p P) { (*p).X = 1 }

func newNumber[T interface{ struct{ X int } }]() *T { return &T{X: 1} }
