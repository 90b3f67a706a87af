package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaults(t *testing.T) {
	o, err := parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if o.dir != filepath.Dir(here) || o.importPath != "github.com/berth-go/berth" || o.typeName != "Transport" || o.atOnce != 2 || !o.leaks {
		t.Errorf("without flags: %+v", o)
	}
	if o.allow != "allow.txt" || !o.allowOptional {
		t.Errorf("without flags, -allow is %q, optional %v", o.allow, o.allowOptional)
	}
}

// A file that somebody names must exist. The default one need not.
func TestAllowOptional(t *testing.T) {
	t.Chdir(t.TempDir())
	o, err := parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := o.allowance(); err != nil || len(a) > 0 {
		t.Errorf("got %v, %v where there is no file", a, err)
	}
	if o, err = parse([]string{"-allow", "allow.txt"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.allowance(); err == nil {
		t.Error("a file that is named and does not exist is no error")
	}
}

func TestWrongUsage(t *testing.T) {
	bare := filepath.Join(t.TempDir(), "bare.txt")
	if err := os.WriteFile(bare, []byte("TestX\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-nope"}, "flag provided but not defined: -nope (-h lists the flags)"},
		{[]string{"-j", "x"}, `invalid value "x" for flag -j`},
		{[]string{"-j", "0"}, "-j must be at least 1"},
		{[]string{"TestX"}, `there are only flags, and "TestX" is none`},
		{[]string{"-run", "("}, "-run: error parsing regexp"},
		{[]string{"-modes", "h1,h3"}, `-modes: no mode "h3": there are h1, https1, h2, h2unencrypted`},
		{[]string{"-timeout", "0"}, "-timeout and -budget must be more than 0"},
		{[]string{"-retries", "-1"}, "-retries can't be negative"},
		{[]string{"-import", ""}, "-import and -type can't be empty"},
		{[]string{"-allow", "no-such-file"}, "-allow: open no-such-file"},
		{[]string{"-allow", bare}, bare + ":1: TestX has no reason"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), tt.args, &stdout, &stderr)
		got := stderr.String()
		if code != 2 || !strings.HasPrefix(got, "conformance: "+tt.want) || strings.Count(got, "\n") != 1 || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d, %q %q; want 2 and one line: %s", tt.args, code, &stdout, got, tt.want)
		}
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-h"}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
	if got := stdout.String(); !strings.HasPrefix(got, "usage: conformance [flags]\n") || !strings.Contains(got, "-allow file") {
		t.Errorf("got %s", got)
	}
}

func TestChoose(t *testing.T) {
	all := []test{{name: "TestDial"}, {name: "TestReuse"}, {name: "TestReuseTLS"}}
	o, err := parse([]string{"-run", "Reuse"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := o.choose(all); err != nil || len(got) != 2 || got[0].name != "TestReuse" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := o.choose(all[:1]); err == nil {
		t.Error("a -run that matches nothing is no error")
	}
}
