package census

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
)

const (
	calibratePorts = 64
	calibrateTimes = 31
)

// measure replaces the estimated costs by those of this machine.
func (l *look) measure() {
	c, err := calibrate(l.ns.First, l.ns.Last)
	if err != nil {
		l.missing = append(l.missing, fmt.Sprintf("the cost of connect could not be measured, and is estimated: %v", err))
		return
	}
	*l.costs = c
}

// calibrate occupies a stretch of ports towards a listener of its own on loopback, and takes the time that
// connect needs to find that none of them is free: first with live connections, then with TIME_WAITs. Other
// destinations lose nothing by it.
func calibrate(first, last int) (c ports.Costs, err error) {
	s, err := openStretch(first, last)
	if err != nil {
		return c, err
	}
	defer s.close()
	c = ports.Costs{Base: median(s.took), Measured: true}
	if c.Live, err = s.perPort(); err != nil {
		return c, err
	}
	if err := s.closeFirst(); err != nil {
		return c, err
	}
	c.TimeWait, err = s.perPort()
	return c, err
}

// A stretch is ports that are all connected to one listener.
type stretch struct {
	listener int
	port     int // of the listener
	lo       uint16
	clients  []int
	took     []time.Duration // by each connect
}

func openStretch(first, last int) (*stretch, error) {
	s := &stretch{listener: -1}
	if err := s.open(first, last); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stretch) open(first, last int) error {
	if err := s.listen(); err != nil {
		return err
	}
	for lo := first; lo+calibratePorts-1 <= last; lo += calibratePorts {
		ok, err := s.occupy(uint16(lo))
		if ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("there are no %d ports in a row that nobody has bound", calibratePorts)
}

func (s *stretch) listen() (err error) {
	s.listener, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := syscall.Bind(s.listener, &syscall.SockaddrInet4{Addr: loopback}); err != nil {
		return err
	}
	sa, err := syscall.Getsockname(s.listener)
	if err != nil {
		return err
	}
	s.port = sa.(*syscall.SockaddrInet4).Port
	return syscall.Listen(s.listener, 2*calibratePorts)
}

// occupy reports whether the stretch could be had. If not, it is left without a trace.
func (s *stretch) occupy(lo uint16) (bool, error) {
	s.lo = lo
	for p := lo; p < lo+calibratePorts; p++ {
		fd, took, err := s.connect(p, p)
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			s.reset()
			return false, nil
		}
		if err != nil {
			return false, err
		}
		s.clients = append(s.clients, fd)
		s.took = append(s.took, took)
	}
	return true, nil
}

func (s *stretch) connect(lo, hi uint16) (fd int, took time.Duration, err error) {
	fd, err = socketFrom(lo, hi, 0)
	if err != nil {
		return -1, 0, err
	}
	start := time.Now()
	err = syscall.Connect(fd, &syscall.SockaddrInet4{Addr: loopback, Port: s.port})
	took = time.Since(start)
	if err != nil {
		syscall.Close(fd)
	}
	return fd, took, err
}

// perPort is what one more port costs that has to be passed over.
func (s *stretch) perPort() (time.Duration, error) {
	one, err := s.refused(s.lo, s.lo)
	if err != nil {
		return 0, err
	}
	all, err := s.refused(s.lo, s.lo+calibratePorts-1)
	return max(0, all-one) / (calibratePorts - 1), err
}

// refused is how long connect looks at ports of which none is free.
func (s *stretch) refused(lo, hi uint16) (time.Duration, error) {
	var took []time.Duration
	for range calibrateTimes {
		fd, t, err := s.connect(lo, hi)
		if err == nil {
			syscall.Close(fd)
			return 0, errors.New("a port was free that should not be")
		}
		if err != syscall.EADDRNOTAVAIL {
			return 0, err
		}
		took = append(took, t)
	}
	return median(took), nil
}

// closeFirst closes all connections on the client's side and then on the server's, which leaves the client's in
// TIME_WAIT.
func (s *stretch) closeFirst() error {
	for len(s.clients) > 0 {
		server, _, err := syscall.Accept(s.listener)
		if err != nil {
			return err
		}
		last := len(s.clients) - 1
		syscall.Close(s.clients[last]) // whichever it is: both ends of each are closed by the end
		s.clients = s.clients[:last]
		defer syscall.Close(server)
	}
	return nil
}

// reset cuts the connections, which leaves no TIME_WAIT.
func (s *stretch) reset() {
	for _, fd := range s.clients {
		syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		syscall.Close(fd)
	}
	s.clients, s.took = nil, nil
}

func (s *stretch) close() {
	s.reset()
	if s.listener >= 0 {
		syscall.Close(s.listener)
	}
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
