package mine

type Pool struct{ n int }

func NewPool() *Pool { return &Pool{} }

func (*Pool) Use() {}
