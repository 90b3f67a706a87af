package main

import (
	"io"

	"github.com/berth-go/berth/cmd/berth/internal/demo"
)

func demoVerb() *command {
	var o demo.Options
	var asJSON bool
	c := &command{
		Use:   "demo",
		Short: "run out of local ports on this machine, and see the cure",
		Long: `Three HTTP clients, one after the other, send the same requests to a server on
loopback, each from the same few local ports: one that opens a connection per
request, http.Transport as it comes, and berth.Transport.

It needs Linux 6.3 and no privileges, takes less than ten seconds, and touches
no port but its own. It exits with 0 if no request of berth.Transport failed,
with 1 if one did, and with 2 if it cannot run.`,
		Args: noArguments,
		RunE: func(c *command, _ []string) error { return runDemo(c, o, asJSON) },
	}
	f := c.Flags()
	f.IntVar(&o.Ports, "ports", 64, "`number` of local ports that the clients share")
	f.IntVar(&o.Requests, "requests", 2000, "`number` of requests that each client sends")
	f.IntVar(&o.Callers, "callers", 16, "`number` of goroutines that send them")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func runDemo(c *command, o demo.Options, asJSON bool) error {
	live := newLiveLine(c.ErrOrStderr())
	if live != nil {
		o.Progress = func(p demo.Progress) { live.show(p.String()) }
	}
	r, err := demo.Run(c.Context(), o)
	live.clear()
	if err != nil {
		return err
	}
	if err := printDemo(c, r, asJSON); err != nil {
		return err
	}
	if !r.Cured() {
		return errNo
	}
	return nil
}

func printDemo(c *command, r *demo.Result, asJSON bool) error {
	out := c.OutOrStdout()
	if asJSON {
		return r.WriteJSON(out)
	}
	return r.WriteText(out, style(out))
}

func style(w io.Writer) demo.Style { return demo.Style{Width: width(w), Color: color(w)} }
