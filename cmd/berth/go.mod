module github.com/berth-go/berth/cmd/berth

go 1.26.0

require (
	github.com/berth-go/berth v0.0.0
	github.com/berth-go/berth/vet v0.0.0
	github.com/cilium/ebpf v0.22.0
	github.com/ianlancetaylor/demangle v0.0.0-20260724033716-83e58baca724
	github.com/rogpeppe/go-internal v1.16.0
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.10
	github.com/ulikunitz/xz v0.5.17
	golang.org/x/sys v0.49.0
	golang.org/x/term v0.45.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
)

replace (
	github.com/berth-go/berth => ../..
	github.com/berth-go/berth/vet => ../../vet
)

tool github.com/cilium/ebpf/cmd/bpf2go
