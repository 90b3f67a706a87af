package errgroup

type Group struct{}

func (*Group) Go(f func() error) {}

func (*Group) SetLimit(n int) {}
