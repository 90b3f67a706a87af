package symbol

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestParseMaps(t *testing.T) {
	got := parseMaps(`555555554000-555555556000 r--p 00000000 08:01 1234                       /usr/bin/some program
555555556000-55555555a000 r-xp 00002000 08:01 1234                       /usr/bin/some program
7f0000000000-7f0000001000 rwxp 00000000 00:00 0
7f0000002000-7f0000003000 r-xp 00000000 00:2a 77                         /app/gone.so (deleted)
7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0                          [vdso]
nonsense
zz-zz r-xp 0 0 0
`)
	want := []mapping{
		{0x555555556000, 0x55555555a000, 0x2000, 1234, "/usr/bin/some program"},
		{0x7f0000000000, 0x7f0000001000, 0, 0, ""},
		{0x7f0000002000, 0x7f0000003000, 0, 77, "/app/gone.so"},
		{0x7ffff7fc1000, 0x7ffff7fc3000, 0, 0, "[vdso]"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPerfMap(t *testing.T) {
	m := parsePerfMap(strings.NewReader(`2000 10 first
0x1000 20 JS:*fetchOrder /app/orders.js:12:3
3000 8 py::fetch:/app/orders.py
4000 8 Lcom/acme/OrderClient;::fetch
5000 8 java.lang.String com.acme.OrderClient.fetch(java.lang.String, int)
6000 8 LazyCompile:~ file:///app/a b.mjs:7:1
2000 10 compiled again
short
zz 10 bad
`))
	for addr, want := range map[uint64]Frame{
		0xfff:  {},
		0x1000: {Function: "fetchOrder", File: "/app/orders.js", Line: 12},
		0x101f: {Function: "fetchOrder", File: "/app/orders.js", Line: 12},
		0x1020: {},
		0x2001: {Function: "compiled again"},
		0x3001: {Function: "fetch", File: "/app/orders.py"},
		0x4001: {Function: "com.acme.OrderClient.fetch"},
		0x5001: {Function: "com.acme.OrderClient.fetch"},
		0x6001: {Function: "(anonymous)", File: "/app/a b.mjs", Line: 7},
	} {
		if got := m.lookup(addr); got != want {
			t.Errorf("at %#x: %+v, want %+v", addr, got, want)
		}
	}
	if got := (*perfMap)(nil).lookup(1); got != (Frame{}) {
		t.Errorf("of none: %+v", got)
	}
}

func TestFrameString(t *testing.T) {
	for want, f := range map[string]Frame{
		"?":                        {},
		"? in libc.so.6":           {Module: "libc.so.6"},
		"main.fetch":               {Function: "main.fetch"},
		"fetch (orders.py)":        {Function: "fetch", File: "/app/orders.py"},
		"main.fetch (orders.go:8)": {Function: "main.fetch", File: "/src/orders.go", Line: 8},
	} {
		if got := f.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// goTableOfSelf is the table of this test binary.
func goTableOfSelf(t testing.TB) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(self)
	if err != nil {
		t.Skip("it is no ELF binary: ", err)
	}
	defer f.Close()
	s := f.Section(".gopclntab")
	if s == nil {
		t.Skip("no .gopclntab")
	}
	b, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzGoTable damages a table: frames may be wrong then, and nothing panics or goes on for ever.
func FuzzGoTable(f *testing.F) {
	f.Add(uint32(0), uint32(0), uint32(0x1000))
	f.Add(uint32(8), uint32(1<<31), uint32(0))
	f.Add(uint32(200_000), uint32(0xffffffff), uint32(0x20000))
	f.Fuzz(func(t *testing.T, at, value, pc uint32) {
		b := append([]byte(nil), goTableOfSelf(t)...)
		at %= uint32(len(b) - 4)
		if at < 8 && at+4 > 7 {
			return // of another size of words: refused, and tested below
		}
		binary.LittleEndian.PutUint32(b[at:], value)
		table := parseGoTable(b, binary.LittleEndian)
		if table == nil {
			return
		}
		table.inlined = b[len(b)/2:] // nonsense
		for i := range uint64(64) {
			table.frames(table.text + uint64(pc) + i*1777)
		}
		table.find("net/http.(*persistConn).closeLocked")
	})
}

func TestGoTableRefuses(t *testing.T) {
	good := goTableOfSelf(t)
	for name, damage := range map[string]func(b []byte) []byte{
		"empty":            func([]byte) []byte { return nil },
		"short":            func(b []byte) []byte { return b[:40] },
		"another magic":    func(b []byte) []byte { b[0] = 1; return b },
		"words of 4 bytes": func(b []byte) []byte { b[7] = 4; return b },
		"too many":         func(b []byte) []byte { binary.LittleEndian.PutUint64(b[8:], 1<<40); return b },
	} {
		if parseGoTable(damage(append([]byte(nil), good...)), binary.LittleEndian) != nil {
			t.Errorf("%s: not refused", name)
		}
	}
}
