package berth

type muxing struct{}
