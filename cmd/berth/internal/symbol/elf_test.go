package symbol

import (
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ulikunitz/xz"
)

// native builds a C program with a function fetch_order, strips it as told, and returns what is at that function.
func native(t *testing.T, prepare func(t *testing.T, program, root string)) (*Object, string) {
	t.Helper()
	needLinux(t)
	if _, err := exec.LookPath("gcc"); err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "orders")
	output(t, exec.Command("gcc", "-O1", "-Wl,--build-id", "-o", program, "testdata/c/orders.c"))
	at := symbolOf(t, program, "fetch_order")
	prepare(t, program, dir)
	fs := Files{root: dir}
	o, err := fs.Object(program, program)
	if err != nil {
		t.Fatal(err)
	}
	offset, ok := o.offset(at)
	if !ok {
		t.Fatalf("no offset of %#x", at)
	}
	return o, o.Frames(offset + 1)[0].Function
}

func symbolOf(t *testing.T, program, name string) uint64 {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s.Value
		}
	}
	t.Fatalf("no symbol %s", name)
	return 0
}

func strip(t *testing.T, program string) { output(t, exec.Command("strip", program)) }

func TestNative(t *testing.T) {
	tests := []struct {
		name     string
		prepare  func(t *testing.T, program, root string)
		want     string
		stripped bool
	}{
		{"as it is built", func(*testing.T, string, string) {}, "fetch_order", false},
		{"stripped", func(t *testing.T, program, _ string) { strip(t, program) }, "", true},
		{"with a debug file", installDebugFile, "fetch_order", false},
		{"with .gnu_debugdata", addMiniDebugInfo, "fetch_order", false},
		{"with damaged .gnu_debugdata", func(t *testing.T, program, root string) {
			strip(t, program)
			damaged := filepath.Join(root, "damaged")
			os.WriteFile(damaged, []byte("no xz"), 0o600)
			output(t, exec.Command("objcopy", "--add-section", ".gnu_debugdata="+damaged, program))
		}, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, got := native(t, tt.prepare)
			if got != tt.want || o.Stripped() != tt.stripped || o.IsGo() {
				t.Errorf("got %q, stripped %v, Go %v", got, o.Stripped(), o.IsGo())
			}
		})
	}
}

// installDebugFile does what a package of debug symbols does.
func installDebugFile(t *testing.T, program, root string) {
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	id := hex.EncodeToString(buildID(f))
	f.Close()
	if len(id) < 8 {
		t.Fatalf("the build id is %q", id)
	}
	to := filepath.Join(root, "usr/lib/debug/.build-id", id[:2], id[2:]+".debug")
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	output(t, exec.Command("objcopy", "--only-keep-debug", program, to))
	strip(t, program)
}

// addMiniDebugInfo does what Fedora's builds do: the symbols, compressed, in a section.
func addMiniDebugInfo(t *testing.T, program, root string) {
	mini := filepath.Join(root, "mini")
	output(t, exec.Command("objcopy", "--only-keep-debug", program, mini))
	strip(t, program)
	b, err := os.ReadFile(mini)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(mini + ".xz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := xz.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	output(t, exec.Command("objcopy", "--add-section", ".gnu_debugdata="+mini+".xz", program))
}

func TestNameless(t *testing.T) {
	o := &Object{names: []function{{10, 5, "first"}, {20, 0, "assembly"}, {30, 5, "_ZN3net5fetchEv"}}}
	for addr, want := range map[uint64]string{9: "", 10: "first", 14: "first", 15: "", 20: "assembly", 29: "assembly", 32: "net::fetch", 35: ""} {
		if got := o.native(addr); got != want {
			t.Errorf("at %d: %q, want %q", addr, got, want)
		}
	}
}

func TestFindCall(t *testing.T) {
	x86 := []byte{0x90, 0xe8, 0, 0, 0, 0, 0x90}
	binary.LittleEndian.PutUint32(x86[2:], uint32(0x2000-(0x1000+1+5)))
	if got := findCall(elf.EM_X86_64, x86, 0x1000, 0x2000); got != 1 {
		t.Errorf("x86: %d", got)
	}
	arm := make([]byte, 12)
	back := int32(-0x800) / 4
	binary.LittleEndian.PutUint32(arm[8:], 0x94000000|uint32(back)&0x3ffffff)
	if got := findCall(elf.EM_AARCH64, arm, 0x1000, 0x1008-0x800); got != 8 {
		t.Errorf("arm64: %d", got)
	}
	for _, m := range []elf.Machine{elf.EM_X86_64, elf.EM_AARCH64, elf.EM_RISCV} {
		if got := findCall(m, make([]byte, 16), 0x1000, 0x2000); got != -1 {
			t.Errorf("%v: found at %d", m, got)
		}
	}
}
