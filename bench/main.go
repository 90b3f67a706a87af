// Bench measures berth.Transport next to its peers: net/http tuned, fasthttp,
// and puddle for the pool alone. README.md says what is measured and why.
//
//	GOWORK=off go run -C bench . [flags] [http|idle|spike|balance|pool|check|trace|all]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == serveVerb {
		os.Exit(serve(os.Args[2:], os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == labVerb {
		os.Exit(lab(os.Args[2:], os.Stdout, os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == traceLabVerb {
		os.Exit(traceLab(os.Args[2:], os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends us at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the flags say.
type options struct {
	clients   []string
	goServer  bool
	profile   string
	scenarios string // text in the names of those to measure

	rounds   int           // of http
	requests int           // a client and round, of http
	conns    int           // of idle
	spikes   int           // a client
	period   time.Duration // of balance
	cycles   int           // repetitions of a benchmark, of pool
	sockets  int           // at most, of check

	progress io.Writer
}

// A measurement is one verb: it adds its part to the report.
type measurement struct {
	name string
	run  func(context.Context, *options, *report) error
}

var measurements = []measurement{
	{"http", measureHTTP},
	{"idle", measureIdle},
	{"spike", measureSpike},
	{"balance", measureBalance},
	{"pool", measurePool},
	{"check", measureCheck},
	{"trace", measureTrace},
}

const defaultRequests = 40_000

// run is the command without its process. It returns the exit code: 0 when all
// was measured, whatever the figures say, 1 when it was not, 2 for wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, chosen, asJSON, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	r := &report{Machine: thisMachine()}
	err = measure(ctx, o, chosen, r)
	print := r.text
	if asJSON {
		print = r.json
	}
	// What was measured before an error is worth its minutes.
	if err := errors.Join(err, print(stdout)); err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (o *options, chosen []measurement, asJSON bool, err error) {
	o = &options{progress: stderr}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: bench [flags] [http|idle|spike|balance|pool|check|trace|all]")
		f.PrintDefaults()
	}
	f.BoolVar(&asJSON, "json", false, "print JSON, with the figures of each round")
	clients := f.String("clients", strings.Join(allClients, ","), "measure only these `clients`")
	f.BoolVar(&o.goServer, "go-server", false, "use the Go server even where nginx is installed")
	f.StringVar(&o.profile, "cpuprofile", "", "http: write a CPU profile to `file`, with the label client")
	f.StringVar(&o.scenarios, "scenarios", "", "http: only the tables with this `text` in their name, such as bare or HTTP/2")
	f.IntVar(&o.rounds, "rounds", 6, "http: rounds, in each of which every client has a turn")
	f.IntVar(&o.requests, "requests", defaultRequests, "http: requests a turn; trace: its loads grow and shrink with it")
	f.IntVar(&o.conns, "conns", 10_000, "idle: idle connections")
	f.IntVar(&o.spikes, "spikes", 15, "spike: repetitions a client")
	f.DurationVar(&o.period, "period", 2*time.Second, "balance: time between two changes")
	f.IntVar(&o.cycles, "cycles", 5, "pool: repetitions of each benchmark")
	f.IntVar(&o.sockets, "sockets", 500_000, "check: leave out the sizes above so many `sockets`")
	if err := f.Parse(args); err != nil {
		return nil, nil, false, err
	}
	o.clients = strings.Split(*clients, ",")
	for _, c := range o.clients {
		if !slices.Contains(allClients, c) {
			return nil, nil, false, fmt.Errorf("no client %q: there are %s", c, strings.Join(allClients, ", "))
		}
	}
	if min(o.rounds, o.requests, o.conns, o.spikes, o.cycles) < 1 {
		return nil, nil, false, errors.New("a count must be at least 1")
	}
	chosen, err = choose(f.Args())
	return o, chosen, asJSON, err
}

func choose(verbs []string) ([]measurement, error) {
	if len(verbs) == 0 || slices.Equal(verbs, []string{"all"}) {
		return measurements, nil
	}
	if len(verbs) > 1 {
		return nil, fmt.Errorf("one measurement or all, not %q; flags stand before it", verbs)
	}
	for _, m := range measurements {
		if m.name == verbs[0] {
			return []measurement{m}, nil
		}
	}
	return nil, fmt.Errorf("no measurement %q: there are http, idle, spike, balance, pool, check, trace and all", verbs[0])
}

func measure(ctx context.Context, o *options, chosen []measurement, r *report) error {
	for _, m := range chosen {
		err := m.run(ctx, o, r)
		if ctx.Err() != nil {
			return errors.New("interrupted") // what broke then is our own doing
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}
