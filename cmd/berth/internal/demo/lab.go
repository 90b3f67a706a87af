package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/berth-go/berth/internal/netlab"
)

// A lab is where the clients run: ports for them to share, and a server for each, so that the ports one has
// used up are free towards the next.
type lab struct {
	control netlab.Control
	servers []*server
}

// openLab opens the servers first, so that none takes a port of the range.
func openLab(servers, ports int) (*lab, error) {
	l := &lab{}
	if err := l.open(servers, ports); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) open(servers, ports int) error {
	if err := netlab.Supported(); err != nil {
		return err
	}
	for range servers {
		s, err := serveAfresh()
		if err != nil {
			return err
		}
		l.servers = append(l.servers, s)
	}
	r, err := netlab.FreeRange(ports)
	if errors.Is(err, netlab.ErrNoRange) {
		return fmt.Errorf("%w: try fewer --ports", err)
	}
	if err != nil {
		return err
	}
	l.control = netlab.PortRange(r.Lo, r.Hi)
	return nil
}

// serveAfresh starts a server that nobody on this machine has a past with. Its port may have been another's a
// moment ago, whose clients left their own in TIME_WAIT: ports that ours could not use, and that we would count.
func serveAfresh() (*server, error) {
	for range 10 {
		s, err := serve()
		if err != nil {
			return nil, err
		}
		c, err := takeCensus(s.addr)
		if err == nil && c == (census{}) {
			return s, nil
		}
		s.close()
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("every port on loopback is still in use by connections of the past")
}

func (l *lab) close() {
	for _, s := range l.servers {
		s.close()
	}
}

// phase lets one client send all requests to a server, and counts what it leaves behind.
func (l *lab) phase(ctx context.Context, o Options, c client, s *server) (Phase, error) {
	hc := &http.Client{Transport: c.transport(l.control)}
	defer hc.CloseIdleConnections()
	load := &load{client: hc, url: "http://" + s.addr.String(), requests: int64(o.Requests)}
	took := load.run(ctx, o.Callers, reporter(c.name, o))
	if err := ctx.Err(); err != nil {
		return Phase{}, err
	}
	timeWait, err := settle(ctx, s.addr, c.keeps)
	if err != nil {
		return Phase{}, err
	}
	p := load.result()
	p.Name = c.name
	p.Connections = int(s.connections.Load())
	p.TimeWait = timeWait
	p.setTime(took)
	return p, nil
}

func reporter(name string, o Options) func(ok, failed int64) {
	if o.Progress == nil {
		return func(int64, int64) {}
	}
	return func(ok, failed int64) {
		o.Progress(Progress{name, int(ok + failed), o.Requests, int(failed)})
	}
}

// settleTime is how long connections may take to close. On loopback it takes them a fraction of a millisecond.
const settleTime = 500 * time.Millisecond

// settle waits until the client has closed what it does not keep, and returns how many ports it left in
// TIME_WAIT. A response is read to its end a moment before its connection is closed, and TIME_WAIT begins when
// the server has closed its end too.
func settle(ctx context.Context, server addrPort, keeps int) (timeWait int, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		c, err := takeCensus(server)
		if err != nil || c.closing == 0 && c.open <= keeps {
			return c.timeWait, err
		}
		select {
		case <-ctx.Done():
			return c.timeWait, nil
		case <-tick.C:
		}
	}
}
