package berth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/berth-go/berth"
	"github.com/berth-go/berth/internal/netlab"
)

// shortOf has a Transport dial from n ports only, for each local address and
// destination.
func shortOf(t *testing.T, tr *berth.Transport, n int) {
	netlab.NeedPortRange(t)
	ports, err := netlab.FreeRange(n)
	if err != nil {
		t.Fatal(err)
	}
	tr.Control = netlab.PortRange(ports.Lo, ports.Hi)
}

// 8 local addresses have 100 ports each: 800 connections to one destination, and
// 800 to another. The next request waits for one of them.
func TestEveryPortOfEveryAddress(t *testing.T) {
	tr := new(berth.Transport)
	shortOf(t, tr, 100)
	for i := range byte(8) {
		tr.LocalAddrs = append(tr.LocalAddrs, netip.AddrFrom4([4]byte{127, 0, 1, 1 + i}))
	}
	defer tr.Close()
	s := serveCrowd(t)
	one, other := strings.Replace(s.url, "many.test", "127.0.0.2", 1), strings.Replace(s.url, "many.test", "127.0.0.3", 1)
	hold := func(url string, n int) *sync.WaitGroup {
		wg := new(sync.WaitGroup)
		for range n {
			wg.Go(func() { get(t, tr, url+"/hold") })
		}
		for range n {
			<-s.held
		}
		return wg
	}
	toOne, toOther := hold(one, 800), hold(other, 800)
	s.wantConns(t, map[string]int{"127.0.0.2": 800, "127.0.0.3": 800})
	failed := make(chan error, 100)
	tr.Events = &berth.Events{DialFailed: func(e berth.DialEvent) { failed <- e.Err }}
	more := make(chan string)
	go func() { more <- get(t, tr, one) }()
	var local *berth.LocalError
	if err := <-failed; !errors.As(err, &local) || !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("the 801st dial fails with %v, want a LocalError of EADDRNOTAVAIL", err)
	}
	if n := tr.Stats().Hosts[one].Waiting; n != 1 {
		t.Errorf("%d requests wait, want 1", n)
	}
	close(s.hold)
	if got := <-more; got != "127.0.0.2" {
		t.Errorf("the 801st request was answered by %q", got)
	}
	toOne.Wait()
	toOther.Wait()
	if n := tr.Stats().Hosts[one].Open; n != 800 {
		t.Errorf("%d connections are open to the first, want 800", n)
	}
}

// PortReserve leaves ports to others: the request waits for a connection, and
// where there is none in use, for a port.
func TestPortReserve(t *testing.T) {
	tr := &berth.Transport{PortReserve: 15}
	shortOf(t, tr, 20)
	defer tr.Close()
	s := serveCrowd(t)
	s.url = strings.Replace(s.url, "many.test", "127.0.0.2", 1)
	get(t, tr, s.url) // or the range is not known yet
	failed := make(chan error, 100)
	tr.Events = &berth.Events{DialFailed: func(e berth.DialEvent) { failed <- e.Err }}
	served := make(chan string)
	s.during(t, tr, 6, func() {
		go func() { served <- get(t, tr, s.url) }()
		var local *berth.LocalError
		if err := <-failed; !errors.As(err, &local) || local.Range != 20 || local.Held != 7 {
			t.Errorf("the dial fails with %v", err)
		}
		s.wantConns(t, map[string]int{"127.0.0.2": 6})
	})
	<-served
	tr.CloseIdleConnections() // and all ports are in TIME_WAIT
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", s.url, nil)
	_, err := tr.RoundTrip(req)
	var waited *berth.AcquireError
	if !errors.As(err, &waited) || !strings.Contains(err.Error(), "0 in use, 0 idle, 1 waiting") || !strings.Contains(err.Error(), "too few local ports are left") {
		t.Errorf("the error is %v, want that it waited for a port", err)
	}
}

// ResetIdleConns gives ports back at once.
func TestResetIdleConns(t *testing.T) {
	for _, tt := range []struct {
		reset bool
		want  error
	}{{false, io.EOF}, {true, syscall.ECONNRESET}} {
		ended := make(chan error, 2)
		url := serveConns(t, func(n int, c *net.TCPConn) {
			buf := make([]byte, 1<<10)
			c.Read(buf)
			io.WriteString(c, answer)
			_, err := c.Read(buf)
			ended <- err
		})
		tr := &berth.Transport{ResetIdleConns: tt.reset, PortReserve: 1}
		get(t, tr, url)
		tr.CloseIdleConnections()
		if err := <-ended; !errors.Is(err, tt.want) {
			t.Errorf("reset %v: the server reads %v, want %v", tt.reset, err, tt.want)
		}
		tr.Close()
	}
}

// One that is in use is closed in order: what is on its way arrives.
func TestResetOnlyWhatIsIdle(t *testing.T) {
	ended := make(chan error, 1)
	url := serveConns(t, func(n int, c *net.TCPConn) {
		buf := make([]byte, 1<<10)
		c.Read(buf)
		_, err := c.Read(buf)
		ended <- err
	})
	tr := &berth.Transport{ResetIdleConns: true}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	if _, err := tr.RoundTrip(req); err == nil {
		t.Error("there was an answer")
	}
	if err := <-ended; err != io.EOF {
		t.Errorf("the server reads %v, want EOF", err)
	}
	tr.Close()
}

// A connection that its server closed first leaves no TIME_WAIT here.
func TestPortReserveCountsOurTimeWaits(t *testing.T) {
	tr := &berth.Transport{PortReserve: 15}
	shortOf(t, tr, 20)
	defer tr.Close()
	url := serveConns(t, func(_ int, c *net.TCPConn) {
		c.Read(make([]byte, 1<<10))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi") // up to its close
		c.CloseWrite()
		c.Read(make([]byte, 1))
	})
	for range 10 {
		req, _ := http.NewRequest("GET", url, nil)
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if n := tr.Stats().DialsFailed; n > 0 {
		t.Errorf("%d dials did not begin, though ports were free", n)
	}
}

func TestPortReserveThatIsAllThereIs(t *testing.T) {
	tr := &berth.Transport{PortReserve: 20}
	shortOf(t, tr, 20)
	defer tr.Close()
	s := serveCrowd(t)
	s.url = strings.Replace(s.url, "many.test", "127.0.0.2", 1)
	get(t, tr, s.url) // whose dial shows the range
	tr.CloseIdleConnections()
	_, err := tr.RoundTrip(httptest.NewRequest("GET", s.url, nil))
	if err == nil || !strings.Contains(err.Error(), "PortReserve is 20, and there are 20 ports") {
		t.Errorf("the error is %v", err)
	}
}
