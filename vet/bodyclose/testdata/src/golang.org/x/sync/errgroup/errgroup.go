package errgroup

type Group struct{}

func (*Group) Go(f func() error) {}

func (*Group) Wait() error { return nil }
