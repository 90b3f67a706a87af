package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A report is all that one run measured.
type report struct {
	Machine machine         `json:"machine"`
	HTTP    []httpResult    `json:"http,omitempty"`
	Idle    []idleResult    `json:"idle,omitempty"`
	Spike   []spikeResult   `json:"spike,omitempty"`
	Balance []balanceResult `json:"balance,omitempty"`
	Pool    []poolResult    `json:"pool,omitempty"`
	Check   []checkResult   `json:"check,omitempty"`
	Trace   []traceResult   `json:"trace,omitempty"`
}

func (r *report) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(r)
}

// text prints one table a measurement, and below each what berth must reach.
func (r *report) text(w io.Writer) error {
	t := &table{out: w}
	t.line("%s", r.Machine)
	for _, h := range r.HTTP {
		h.table(t)
	}
	if len(r.Idle) > 0 {
		idleTable(t, r.Idle)
	}
	if len(r.Spike) > 0 {
		spikeTable(t, r.Spike)
	}
	if len(r.Balance) > 0 {
		balanceTable(t, r.Balance)
	}
	if len(r.Pool) > 0 {
		poolTable(t, r.Pool)
	}
	if len(r.Check) > 0 {
		checkTable(t, r.Check)
	}
	if len(r.Trace) > 0 {
		traceTable(t, r.Trace)
	}
	return t.err
}

func (h httpResult) table(t *table) {
	t.begin("http: %s, %d callers%s. %d requests a turn, medians of %d rounds, %s",
		h.Mode, h.Callers, h.wire, h.Requests, len(h.Clients[0].Rounds), h.Server)
	head := []any{"client", "CPU µs/request", "min–max", "allocations", "bytes", "requests/s", "connections", "dialed late"}
	if h.HTTP2 {
		head = append(head, "held", "cold dials", "cold ms")
	}
	t.row(head...)
	for _, c := range h.Clients {
		m, cpu := c.Median, column(c.Rounds, func(s sample) float64 { return s.CPU })
		row := []any{c.Name, figure(m.CPU), spread(cpu), fmt.Sprintf("%.1f", m.Allocs), fmt.Sprintf("%.0f", m.Bytes),
			fmt.Sprintf("%.0f", m.PerSecond), m.Connections, m.DialedLate}
		if h.HTTP2 {
			row = append(row, m.Held, m.ColdDials, figure(m.ColdMillis))
		}
		t.row(row...)
	}
	t.end(h.Targets)
}

func idleTable(t *table, results []idleResult) {
	t.begin("idle: %d idle connections over plain TCP, %s", results[0].Connections, results[0].Server)
	t.row("client", "bytes a connection", "with the gaps in spans", "goroutines a connection")
	var targets []target
	for _, r := range results {
		t.row(r.Name, fmt.Sprintf("%.0f", r.Live), fmt.Sprintf("%.0f", r.Spans), figure(float64(r.Goroutines)/float64(r.Connections)))
		targets = append(targets, r.Targets...)
	}
	t.end(targets)
}

func spikeTable(t *table, results []spikeResult) {
	t.begin("spike: %d requests of %v at once on %d warm connections, a dial takes %v. %d spikes, %s",
		spikeBurst, answerTakes, spikeWarm, dialTakes, len(results[0].Dials), results[0].Server)
	t.row("client", "dials, median", "min–max", "ms, median")
	var targets []target
	for _, r := range results {
		dials := column(r.Dials, func(n int) int { return n })
		t.row(r.Name, figure(median(dials)), spread(dials), figure(r.Millis))
		targets = append(targets, r.Targets...)
	}
	t.end(targets)
}

func poolTable(t *table, results []poolResult) {
	t.begin("pool: one cycle of take and put, no socket. Medians")
	t.row("pool", "procs", "ns a cycle", "allocations")
	var targets []target
	for _, r := range results {
		t.row(r.Name, r.Procs, figure(r.Ns), figure(r.Allocs))
		targets = append(targets, r.Targets...)
	}
	t.end(targets)
}

func spread(values []float64) string {
	return figure(slices.Min(values)) + "–" + figure(slices.Max(values))
}

// A table aligns its columns and keeps the first error of the writer.
type table struct {
	out  io.Writer
	tabs *tabwriter.Writer
	err  error
}

func (t *table) begin(format string, args ...any) {
	t.line("")
	t.line(format, args...)
	t.tabs = tabwriter.NewWriter(t.out, 0, 0, 3, ' ', 0)
}

func (t *table) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = fmt.Sprint(c)
	}
	_, err := fmt.Fprintf(t.tabs, "  %s\n", strings.Join(text, "\t"))
	t.keep(err)
}

func (t *table) end(targets []target) {
	t.keep(t.tabs.Flush())
	t.tabs = tabwriter.NewWriter(t.out, 0, 0, 3, ' ', 0)
	for _, g := range targets {
		t.row(g.What, figure(g.Got), g.verdict())
	}
	t.keep(t.tabs.Flush())
}

func (t *table) line(format string, args ...any) {
	_, err := fmt.Fprintf(t.out, format+"\n", args...)
	t.keep(err)
}

func (t *table) keep(err error) {
	if t.err == nil {
		t.err = err
	}
}
