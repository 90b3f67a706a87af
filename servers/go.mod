module github.com/berth-go/berth/servers

go 1.26

require github.com/berth-go/berth v0.0.0

replace github.com/berth-go/berth => ../
