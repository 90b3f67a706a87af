package census

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"

	"github.com/berth-go/berth/cmd/berth/internal/ports"
	"github.com/berth-go/berth/cmd/berth/internal/procfs"
	"github.com/berth-go/berth/cmd/berth/internal/sock"
)

// nameOwners looks once for the processes behind the live sockets of all looks, since a process may hold
// sockets of several namespaces. With a pid, only that one is looked at, and it is an error if we may not. It
// returns what else could not be seen.
func nameOwners(ctx context.Context, looks []*look, pid int) ([]string, error) {
	w := newWanted(looks)
	if len(w.sockets) == 0 && pid == 0 {
		return nil, nil
	}
	search, err := w.search(ctx, pid)
	if pid != 0 && search.Hidden > 0 {
		return nil, fmt.Errorf("look at the sockets of process %d: %w%s", pid, fs.ErrPermission, asRoot("they"))
	}
	w.assign(looks)
	for _, l := range looks {
		infer(l.destinations)
	}
	return w.missing(search, err), nil
}

// wanted are the sockets whose owners are looked for, by inode, and what was found.
type wanted struct {
	sockets []wantedSocket
	left    int
	held    map[holding]int
}

type wantedSocket struct {
	ports.Live
	look  int32
	found bool
}

// A holding is a process's part in a destination, or in a service.
type holding struct {
	look, index int32
	service     uint16
	pid         int
}

func newWanted(looks []*look) *wanted {
	w := &wanted{held: map[holding]int{}}
	for i, l := range looks {
		for _, live := range l.live {
			w.sockets = append(w.sockets, wantedSocket{Live: live, look: int32(i)})
		}
		l.live = nil
	}
	slices.SortFunc(w.sockets, func(a, b wantedSocket) int { return cmp.Compare(a.Inode, b.Inode) })
	w.left = len(w.sockets)
	return w
}

func (w *wanted) search(ctx context.Context, pid int) (procfs.Search, error) {
	if pid != 0 {
		return proc.SocketsOf(pid, w.see), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := proc.Sockets(ctx, func(pid int, inode uint32) {
		if w.see(pid, inode); w.left == 0 {
			cancel()
		}
	})
	if w.left == 0 {
		err = nil
	}
	return s, err
}

// see takes in that a process holds a socket. The first who does has it.
func (w *wanted) see(pid int, inode uint32) {
	i, ok := slices.BinarySearchFunc(w.sockets, inode, func(s wantedSocket, inode uint32) int { return cmp.Compare(s.Inode, inode) })
	if !ok || w.sockets[i].found {
		return
	}
	s := &w.sockets[i]
	s.found = true
	w.left--
	w.held[holding{s.look, s.Index, s.Service, pid}]++
}

func (w *wanted) assign(looks []*look) {
	described := map[int]ports.Owner{}
	for h, n := range w.held {
		o, ok := described[h.pid]
		if !ok {
			o = describe(h.pid)
			described[h.pid] = o
		}
		o.Sockets = n
		owners := &looks[h.look].destinations
		if h.service != 0 {
			own(looks[h.look].services, h.service, o)
			continue
		}
		d := &(*owners)[h.index]
		d.Owners = append(d.Owners, o)
		slices.SortFunc(d.Owners, most)
	}
	for _, s := range w.sockets {
		if !s.found && s.Service == 0 {
			looks[s.look].destinations[s.Index].Unowned++
		}
	}
}

func own(services []ports.Service, port uint16, o ports.Owner) {
	for i := range services {
		if s := &services[i]; s.Local.Port() == port {
			s.Owners = append(s.Owners, o)
			slices.SortFunc(s.Owners, most)
		}
	}
}

// most orders owners by what they hold.
func most(a, b ports.Owner) int {
	return cmp.Or(cmp.Compare(b.Sockets, a.Sockets), cmp.Compare(a.PID, b.PID))
}

// describe is what can be said of a process, which may have ended since.
func describe(pid int) ports.Owner {
	p, err := proc.Process(pid)
	if err != nil {
		return ports.Owner{PID: pid}
	}
	return ports.Owner{
		PID:       pid,
		Command:   p.Command,
		Cmdline:   p.Cmdline,
		User:      userName(p.UID),
		Container: p.Container,
		Files:     p.Files,
		FileLimit: p.FileLimit,
	}
}

// userName is the number where the user has no name, as those of a container may not.
func userName(uid int) string {
	if uid < 0 {
		return ""
	}
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// infer names those who may have left the TIME_WAITs of a destination without live sockets: whoever has live
// ones to the same destination from another address.
func infer(all []ports.Destination) {
	for i := range all {
		d := &all[i]
		if len(d.Owners) > 0 || d.States[sock.TimeWait] == 0 || d.Unowned > 0 {
			continue
		}
		for _, other := range all {
			if other.Destination != d.Destination {
				continue
			}
			for _, o := range other.Owners {
				if !o.Inferred {
					o.Inferred = true
					d.Owners = append(d.Owners, o)
				}
			}
		}
	}
}

func (w *wanted) missing(s procfs.Search, err error) (all []string) {
	switch {
	case err != nil:
		all = append(all, fmt.Sprintf("the owners of the sockets could not be looked for: %v", err))
	case s.Hidden > 0 && w.left > 0:
		all = append(all, fmt.Sprintf("%s could not be looked into, and %s found no owner%s",
			plural(s.Hidden, "process", "processes"), plural(w.left, "socket", "sockets"), asRoot("they")))
	}
	if s.Sampled > 0 {
		all = append(all, fmt.Sprintf("of %s only the first 65,536 descriptors were looked at", plural(s.Sampled, "process", "processes")))
	}
	return all
}

// asRoot ends a sentence about what was refused, unless root it was.
func asRoot(subject string) string {
	if os.Geteuid() == 0 {
		return ""
	}
	return ": as root " + subject + " can be"
}
