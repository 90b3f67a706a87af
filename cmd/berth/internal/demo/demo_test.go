package demo

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	good := Options{Ports: 64, Requests: 2000, Callers: 16}
	tests := []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"as it is", func(*Options) {}, ""},
		{"least", func(o *Options) { *o = Options{Ports: 1, Requests: 1, Callers: 1} }, ""},
		{"most", func(o *Options) { *o = Options{Ports: MaxPorts, Requests: MaxRequests, Callers: MaxCallers} }, ""},
		{"no port", func(o *Options) { o.Ports = 0 }, "--ports must be from 1 to 4,096, not 0"},
		{"many ports", func(o *Options) { o.Ports = MaxPorts + 1 }, "--ports must be from 1 to 4,096, not 4097"},
		{"no request", func(o *Options) { o.Requests = -1 }, "--requests must be from 1 to 10,000,000, not -1"},
		{"many callers", func(o *Options) { o.Callers = MaxCallers + 1 }, "--callers must be from 1 to 1,000, not 1001"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.change(&o)
			got := ""
			if err := o.Validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRunValidates(t *testing.T) {
	if _, err := Run(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "--ports") {
		t.Errorf("got %v, want what is wrong with the options", err)
	}
}

func TestFiles(t *testing.T) {
	for want, o := range map[int]Options{
		2*8 + 100 + 32:  {Ports: 8, Callers: 100}, // ports are what is short
		2*20 + 10 + 32:  {Ports: 4096, Callers: 10},
		2*64 + 100 + 32: {Ports: 64, Callers: 100},
	} {
		if got := o.files(); got != want {
			t.Errorf("%+v needs %d files, want %d", o, got, want)
		}
	}
}
