module github.com/berth-go/berth

go 1.26
