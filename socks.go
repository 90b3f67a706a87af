package berth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// SOCKS version 5 (RFC 1928), with a user name and a password where the proxy's
// URL has them (RFC 1929). Names are left for the proxy to look up, for the
// scheme socks5 as for socks5h, as net/http does.

const (
	socksVersion    = 5
	socksConnectCmd = 1

	socksNoAuth   = 0
	socksPassword = 2
	socksNoMethod = 0xff

	socksAuthVersion = 1 // of RFC 1929

	socksIPv4 = 1
	socksName = 3
	socksIPv6 = 4
)

// socksReplies are the reasons of RFC 1928, section 6.
var socksReplies = [...]string{
	1: "general SOCKS server failure",
	2: "connection not allowed by ruleset",
	3: "network unreachable",
	4: "host unreachable",
	5: "connection refused",
	6: "TTL expired",
	7: "command not supported",
	8: "address type not supported",
}

// socksConnect has the proxy at the other end of nc connect it to addr. If ctx
// ends first, nc is of no use any more.
func socksConnect(ctx context.Context, nc net.Conn, user *url.Userinfo, addr string) error {
	cut := context.AfterFunc(ctx, func() { nc.Close() })
	err := socksHandshake(nc, user, addr)
	if !cut() {
		err = context.Cause(ctx)
	}
	if err != nil {
		return &net.OpError{Op: "socks connect", Net: "tcp", Source: nc.RemoteAddr(), Addr: hostPort(addr), Err: err}
	}
	return nil
}

// hostPort is an address that need not be looked up.
type hostPort string

func (hostPort) Network() string  { return "tcp" }
func (a hostPort) String() string { return string(a) }

func socksHandshake(rw io.ReadWriter, user *url.Userinfo, addr string) error {
	request, err := appendSOCKSRequest(nil, addr)
	if err != nil {
		return err
	}
	if err := socksLogin(rw, user); err != nil {
		return err
	}
	if _, err := rw.Write(request); err != nil {
		return err
	}
	return readSOCKSReply(rw)
}

// socksLogin agrees on a method of authentication, and authenticates.
func socksLogin(rw io.ReadWriter, user *url.Userinfo) error {
	methods := []byte{socksVersion, 1, socksNoAuth}
	if user != nil {
		methods = []byte{socksVersion, 2, socksNoAuth, socksPassword}
	}
	if _, err := rw.Write(methods); err != nil {
		return err
	}
	var answer [2]byte
	if _, err := io.ReadFull(rw, answer[:]); err != nil {
		return err
	}
	switch method := answer[1]; {
	case answer[0] != socksVersion:
		return fmt.Errorf("the proxy speaks SOCKS version %d, not 5", answer[0])
	case method == socksNoAuth:
		return nil
	case method == socksPassword && user != nil:
		return socksAuthenticate(rw, user)
	case method == socksNoMethod:
		return errors.New("the proxy accepts no authentication method that we have")
	default:
		return fmt.Errorf("the proxy wants authentication method %d, which was not offered", method)
	}
}

func socksAuthenticate(rw io.ReadWriter, user *url.Userinfo) error {
	name := user.Username()
	password, _ := user.Password()
	if name == "" || len(name) > 255 || len(password) > 255 {
		return errors.New("a SOCKS user name has 1 to 255 bytes, a password up to 255")
	}
	b := append([]byte{socksAuthVersion, byte(len(name))}, name...)
	b = append(append(b, byte(len(password))), password...)
	if _, err := rw.Write(b); err != nil {
		return err
	}
	var answer [2]byte
	if _, err := io.ReadFull(rw, answer[:]); err != nil {
		return err
	}
	if answer[0] != socksAuthVersion {
		return fmt.Errorf("the proxy speaks version %d of user name and password, not 1", answer[0])
	}
	if answer[1] != 0 {
		return errors.New("the proxy refused user name and password")
	}
	return nil
}

func appendSOCKSRequest(b []byte, addr string) ([]byte, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	b = append(b, socksVersion, socksConnectCmd, 0)
	ip, err := netip.ParseAddr(host)
	switch isIP := err == nil && ip.Zone() == ""; { // a zone is for the proxy to make sense of
	case isIP && ip.Unmap().Is4():
		b = append(append(b, socksIPv4), ip.Unmap().AsSlice()...)
	case isIP:
		b = append(append(b, socksIPv6), ip.AsSlice()...)
	case len(host) > 255:
		return nil, errors.New("a host name has up to 255 bytes in SOCKS")
	default:
		b = append(append(b, socksName, byte(len(host))), host...)
	}
	return append(b, byte(n>>8), byte(n)), nil
}

// readSOCKSReply reads no byte more than the reply has: the next one is the
// host's.
func readSOCKSReply(r io.Reader) error {
	var b [256 + 2]byte
	if _, err := io.ReadFull(r, b[:4]); err != nil {
		return err
	}
	version, reply, kind := b[0], int(b[1]), b[3]
	switch {
	case version != socksVersion:
		return fmt.Errorf("the proxy speaks SOCKS version %d, not 5", version)
	case reply != 0 && reply < len(socksReplies):
		return errors.New(socksReplies[reply])
	case reply != 0:
		return fmt.Errorf("the proxy gave reason %d, which is unknown", reply)
	}
	if b[2] != 0 {
		return errors.New("the proxy's reply has a reserved byte that is not zero")
	}
	n := 0
	switch kind {
	case socksIPv4:
		n = net.IPv4len
	case socksIPv6:
		n = net.IPv6len
	case socksName:
		if _, err := io.ReadFull(r, b[:1]); err != nil {
			return err
		}
		n = int(b[0])
	default:
		return fmt.Errorf("the proxy gave an address of type %d, which is unknown", kind)
	}
	_, err := io.ReadFull(r, b[:n+2]) // the address and port that it connects from
	return err
}
