package census

import (
	"fmt"
	"strings"
	"testing"
)

const netstatMac = `Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp4       0      0  10.0.1.5.49158         10.0.3.7.8080          ESTABLISHED
tcp6       0      0  fe80::1%lo0.49159      fe80::2%lo0.8080       TIME_WAIT
tcp46      0      0  *.8080                 *.*                    LISTEN
tcp4       0      0  127.0.0.1.49160        *.*                    CLOSED
tcp4       0      0  *.*                    *.*                    CLOSED
udp4       0      0  *.5353                 *.*
`

const netstatWindows = `
Active Connections

  Proto  Local Address          Foreign Address        State           PID
  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       1044
  TCP    10.0.1.5:49731         10.0.3.7:8080          CLOSE_WAIT      4121
  TCP    [::1]:49732            [::1]:8080             TIME_WAIT       0
`

func TestNetstat(t *testing.T) {
	for text, want := range map[string][]string{
		netstatMac: {
			"established 10.0.1.5:49158 10.0.3.7:8080",
			"time-wait [fe80::1%lo0]:49159 [fe80::2%lo0]:8080",
			"listen [::]:8080 invalid AddrPort",
			"bound 127.0.0.1:49160 invalid AddrPort",
		},
		netstatWindows: {
			"listen 0.0.0.0:135 invalid AddrPort",
			"close-wait 10.0.1.5:49731 10.0.3.7:8080",
			"time-wait [::1]:49732 [::1]:8080",
		},
	} {
		all, err := netstat(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range all {
			got = append(got, fmt.Sprint(s.State, " ", s.Local, " ", s.Remote))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestNetstatErrors(t *testing.T) {
	for _, line := range []string{
		"TCP    10.0.1.5:49731         10.0.3.7:8080          HERGESTELLT      4121",
		"TCP    10.0.1.5:49731",
		"tcp4 0 0 10.0.1.5.x 10.0.3.7.80 ESTABLISHED",
		"tcp4 0 0 10.0.1.80 10.0.3.7.80 ESTABLISHED",
		"tcp4 0 0 10.0.1.5.70000 10.0.3.7.80 ESTABLISHED",
	} {
		if all, err := netstat(line); err == nil {
			t.Errorf("%q: %v", line, all)
		}
	}
}

func TestWindowsNumbers(t *testing.T) {
	const german = "\nProtokoll tcp: Dynamischer Portbereich\n---\nStartport     : 49152\nAnzahl Ports  : 16384\n"
	if a, b, err := twoNumbers(german); a != 49152 || b != 16384 || err != nil {
		t.Errorf("got %d, %d, %v", a, b, err)
	}
	if _, _, err := twoNumbers("nothing : here"); err == nil {
		t.Error("no error")
	}
	const query = "\nHKEY_LOCAL_MACHINE\\SYSTEM\\Parameters\n    TcpTimedWaitDelay    REG_DWORD    0x1e\n"
	if n, ok := registryNumber(query, "TcpTimedWaitDelay"); n != 30 || !ok {
		t.Errorf("got %d, %t", n, ok)
	}
	if _, ok := registryNumber(query, "MaxUserPort"); ok {
		t.Error("found what is not there")
	}
}
