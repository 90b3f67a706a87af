module github.com/berth-go/berth/bench

go 1.26.0

require (
	github.com/berth-go/berth v0.0.0-00010101000000-000000000000
	github.com/jackc/puddle/v2 v2.2.3
	github.com/valyala/fasthttp v1.77.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/molecule-man/go-brrr v1.3.0 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/sync v0.1.0 // indirect
)

replace github.com/berth-go/berth => ..
