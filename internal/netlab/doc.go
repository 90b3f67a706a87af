// Package netlab gives a test or a demonstration network conditions of its own on the real kernel: so few
// local ports that they run out in milliseconds, or a network namespace where the sysctls may be changed.
// Nothing outside the sockets or the child process that asked for it is touched.
//
// A port range of its own, without privileges (Linux 6.3):
//
//	r, err := netlab.FreeRange(64)
//	d := &net.Dialer{Control: netlab.PortRange(r.Lo, r.Hi)}
//
// A namespace of its own, with privileges:
//
//	func TestExhaustion(t *testing.T) {
//		netlab.Run(t, netlab.Config{Range: netlab.Range{Lo: 33000, Hi: 33099}}, func(t *testing.T) {
//			// a hundred ports, and a connection that this side closes holds its port for 60 seconds
//		})
//	}
package netlab
