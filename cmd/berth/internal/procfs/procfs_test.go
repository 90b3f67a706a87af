package procfs

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorded writes files, by their path below the root, and returns the root. A path that ends in -> is a
// symbolic link to what the text says.
func recorded(t *testing.T, files map[string]string) FS {
	t.Helper()
	root := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		name, link := strings.CutSuffix(name, "->")
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if link {
			err = os.Symlink(text, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return At(root)
}

// machine is one of kernel 6.18, with little in its tables.
func machine() map[string]string {
	return map[string]string{
		"sys/kernel/osrelease":                 "6.18.44\n",
		"sys/net/ipv4/ip_local_port_range":     "32768\t60999\n",
		"sys/net/ipv4/ip_local_reserved_ports": "8080,40000-40099\n",
		"sys/net/ipv4/tcp_tw_reuse":            "2\n",
		"sys/net/ipv4/tcp_tw_reuse_delay":      "500\n",
		"sys/net/ipv4/tcp_max_tw_buckets":      "131072\n",
		"sys/net/ipv4/tcp_timestamps":          "0\n",
		"sys/net/netfilter/nf_conntrack_count": "17\n",
		"sys/net/netfilter/nf_conntrack_max":   "262144\n",
		"thread-self/net/netstat":              "TcpExt: SyncookiesSent TCPTimeWaitOverflow TCPHPHits\nTcpExt: 3 4900 5\nIpExt: InNoRoutes\nIpExt: 0\n",
		"4121/comm":                            "java\n",
		"4121/cmdline":                         "java\x00-jar\x00a b.jar\x00",
		"4121/status":                          "Name:\tjava\nUmask:\t0022\nUid:\t1000\t1001\t1001\t1001\nGid:\t1\n",
		"4121/limits":                          "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \n",
		"4121/cgroup":                          "0::/system.slice/docker-" + strings.Repeat("0123456789abcdef", 4) + ".scope\n",
		"4121/fd/0->":                          "/dev/null",
		"4121/fd/7->":                          "socket:[4711]",
		"4121/fd/8->":                          "socket:[4712]",
		"4121/fd/9->":                          "anon_inode:[eventpoll]",
		"77/comm":                              "kworker/0:1\n",
		"77/cmdline":                           "",
		"77/fd/3->":                            "socket:[4711]",
		"self->":                               "4121",
		"not-a-process/fd/3->":                 "socket:[1]",
	}
}

func TestSettings(t *testing.T) {
	s, missing, err := recorded(t, machine()).Settings()
	if err != nil || len(missing) > 0 {
		t.Fatal(missing, err)
	}
	if len(s.Reserved) != 2 || s.Reserved[0] != (Range{8080, 8080}) || s.Reserved[1] != (Range{40000, 40099}) {
		t.Errorf("reserved %v", s.Reserved)
	}
	s.Reserved = nil
	want := Settings{
		First: 32768, Last: 60999, TWReuse: 2, TWDelay: 500 * time.Millisecond, TWBuckets: 131072,
		TWOverflow: 4900, Conntrack: 17, ConntrackMax: 262144,
	}
	if s.First != want.First || s.Last != want.Last || s.TWReuse != want.TWReuse || s.TWDelay != want.TWDelay ||
		s.TWBuckets != want.TWBuckets || s.TWOverflow != want.TWOverflow || s.Timestamps ||
		s.Conntrack != want.Conntrack || s.ConntrackMax != want.ConntrackMax {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// TestSettingsOfAnOldKernel is one without tcp_tw_reuse_delay and connection tracking.
func TestSettingsOfAnOldKernel(t *testing.T) {
	files := machine()
	for _, name := range []string{"tcp_tw_reuse_delay", "tcp_timestamps"} {
		delete(files, "sys/net/ipv4/"+name)
	}
	delete(files, "sys/net/netfilter/nf_conntrack_count")
	delete(files, "sys/net/netfilter/nf_conntrack_max")
	files["net/netstat"] = files["thread-self/net/netstat"]
	delete(files, "thread-self/net/netstat") // Linux 3.17
	s, missing, err := recorded(t, files).Settings()
	if err != nil || len(missing) > 0 || s.TWDelay != time.Second || !s.Timestamps || s.ConntrackMax != 0 || s.TWOverflow != 4900 {
		t.Errorf("got %+v, %q, %v", s, missing, err)
	}
}

func TestSettingsMissing(t *testing.T) {
	files := machine()
	delete(files, "sys/net/ipv4/tcp_tw_reuse")
	files["sys/net/ipv4/ip_local_reserved_ports"] = "8080-80\n"
	delete(files, "thread-self/net/netstat")
	if _, missing, err := recorded(t, files).Settings(); err != nil || len(missing) != 3 {
		t.Errorf("got %q, %v; want three sentences", missing, err)
	}
	for _, bad := range []string{"", "32768", "60999 32768", "0 100", "1 65536", "a b"} {
		files["sys/net/ipv4/ip_local_port_range"] = bad
		if s, _, err := recorded(t, files).Settings(); err == nil {
			t.Errorf("range %q: %+v", bad, s)
		}
	}
}

func TestInUse(t *testing.T) {
	files := map[string]string{
		"thread-self/net/sockstat":  "sockets: used 9\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1\nUDP: inuse 1 mem 0\n",
		"thread-self/net/sockstat6": "TCP6: inuse 3\nUDP6: inuse 0\n",
	}
	if n, err := recorded(t, files).InUse(); n != 8 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	delete(files, "thread-self/net/sockstat6")
	if n, err := recorded(t, files).InUse(); n != 5 || err != nil {
		t.Errorf("without IPv6: got %d, %v", n, err)
	}
	files["thread-self/net/sockstat"] = "sockets: used 9\n"
	if n, err := recorded(t, files).InUse(); err == nil {
		t.Errorf("without TCP: got %d", n)
	}
}

func TestParseRanges(t *testing.T) {
	for s, want := range map[string]int{"": 0, "1": 1, "1-2,3": 2, "65535": 1, "1,": -1, "65536": -1, "-": -1, "a": -1, "2-1": -1} {
		got, err := parseRanges(s)
		if (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

func TestProcess(t *testing.T) {
	f := recorded(t, machine())
	p, err := f.Process(4121)
	if err != nil {
		t.Fatal(err)
	}
	if p.Command != "java" || !slices.Equal(p.Cmdline, []string{"java", "-jar", "a b.jar"}) || p.UID != 1001 ||
		p.Container != "0123456789ab" || p.Files != 4 || p.FileLimit != 1024 {
		t.Errorf("got %+v", p)
	}
	if p, err := f.Process(77); err != nil || p.Cmdline != nil || p.UID != -1 || p.FileLimit != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err := f.Process(78); err == nil {
		t.Error("a process that is none")
	}
}

func TestContainer(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for cgroup, want := range map[string]string{
		"0::/\n": "",
		"0::/user.slice/user-0.slice/session-1.scope\n":                                  "",
		"12:pids:/docker/" + id + "\n11:cpu:/\n":                                         "0123456789ab",
		"0::/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" + id + ".scope\n": "0123456789ab",
		"0::/machine.slice/libpod-" + id + ".scope/container\n":                          "0123456789ab",
		"0::/kubepods/besteffort/pod1/" + id:                                             "0123456789ab",
		"0::/lxc.payload.web/system.slice\n":                                             "web",
		"3:cpu:/lxc/web\n":                                                               "web",
		"0::/x" + id + "\n":                                                              "",
	} {
		if got := container(cgroup); got != want {
			t.Errorf("%q: %q, want %q", cgroup, got, want)
		}
	}
}

func TestSockets(t *testing.T) {
	f := recorded(t, machine())
	var got []uint32
	owners := map[uint32]int{}
	s, err := f.Sockets(t.Context(), func(pid int, inode uint32) {
		got = append(got, inode)
		if owners[inode] == 0 {
			owners[inode] = pid
		}
	})
	if err != nil || s != (Search{}) || len(got) != 3 || owners[4711] != 77 || owners[4712] != 4121 {
		t.Errorf("got %v, %v, %+v, %v", got, owners, s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Sockets(ctx, func(int, uint32) { t.Error("visited") }); err == nil {
		t.Error("went on after it was told to stop")
	}
}

func TestHidden(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("nothing is hidden from root")
	}
	f := recorded(t, machine())
	dir := f.path("4121", "fd")
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755) // or it cannot be removed
	if s, err := f.Sockets(t.Context(), func(int, uint32) {}); err != nil || s.Hidden != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("TcpExt: a TCPTimeWaitOverflow\nTcpExt: 1 2\n")
	f.Add("8080,9148-9150")
	f.Add("socket:[4711]")
	f.Fuzz(func(t *testing.T, s string) {
		counter(s, "TcpExt:", "TCPTimeWaitOverflow")
		container(s)
		socketInode(s)
		all, err := parseRanges(s)
		for _, r := range all {
			if err != nil || r.First < 0 || r.Last > 65535 || r.First > r.Last {
				t.Errorf("%q: %v, %v", s, all, err)
			}
		}
	})
}
