module github.com/berth-go/berth/conformance

go 1.26
