package berth

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
)

// protoFields are the Transport's fields that choose a protocol, and say how
// HTTP/2 is spoken. A connection of HTTP/2 keeps those of its dial.
type protoFields struct {
	force     bool
	protocols *http.Protocols
	next      map[string]func(authority string, c *tls.Conn) http.RoundTripper
	http2     *http.HTTP2Config
}

func (t *Transport) protoFields() protoFields {
	return protoFields{
		force:     t.ForceAttemptHTTP2,
		protocols: t.Protocols,
		next:      t.TLSNextProto,
		http2:     t.HTTP2,
	}
}

// copied has what pointers point at copied, since a dial outlives its request,
// whose caller may change it then.
func (p protoFields) copied() protoFields {
	if p.protocols != nil {
		c := *p.protocols
		p.protocols = &c
	}
	if p.http2 != nil {
		c := *p.http2
		p.http2 = &c
	}
	return p
}

// ask returns an http.Transport that has decided what the Transport's fields
// mean together (Transport.protocols), which is net/http's to say: Clone makes
// it. GODEBUG=http2client=0 and the build tag nethttpomithttp2 count there, too.
func (d *dialer) ask() *http.Transport {
	ask := &http.Transport{
		TLSClientConfig:   d.tlsConfig.Clone(),
		DialContext:       d.dial,
		DialTLSContext:    d.dialTLS,
		ForceAttemptHTTP2: d.proto.force,
		Protocols:         d.proto.protocols,
		TLSNextProto:      maps.Clone(d.proto.next), // it may write to it
	}
	ask.Clone()
	return ask
}

// protos are the protocols to offer over TLS, the preferred first.
func (d *dialer) protos() []string {
	if cfg := d.ask().TLSClientConfig; cfg != nil {
		return cfg.NextProtos
	}
	return nil
}

// speaksHTTP2 reports whether HTTP/2 is what the connection negotiated, or what
// the Transport knows that the host speaks without TLS.
func (d *dialer) speaksHTTP2(state *tls.ConnectionState) (bool, error) {
	if state == nil {
		p := d.proto.protocols
		return p != nil && p.UnencryptedHTTP2() && !p.HTTP1(), nil
	}
	if state.NegotiatedProtocol != "h2" {
		return false, nil
	}
	if d.ask().TLSNextProto["h2"] == nil {
		return false, errors.New("berth: the server chose HTTP/2, which this Transport is not to speak: take h2 out of NextProtos, or set ForceAttemptHTTP2")
	}
	return true, nil
}

// negotiated makes a conn of what was dialed: of the protocol that TLS agreed
// on, or that Protocols says.
func (t *Transport) negotiated(d *dial, nc net.Conn, state *tls.ConnectionState) (*conn, error) {
	c := newConn(d.h, nc)
	c.tls = state
	if err := t.negotiate(d.ctx, c, d.dialer); err != nil {
		closeNet(c.bottom(), "no common protocol")
		return nil, err
	}
	return c, nil
}

func (t *Transport) negotiate(ctx context.Context, c *conn, d *dialer) error {
	if next := d.nextProto(c); next != nil {
		return c.hand(next(c.h.key.addr, c.nc.(*tls.Conn)))
	}
	http2, err := d.speaksHTTP2(c.tls)
	if http2 {
		err = t.speakHTTP2(ctx, c, d)
	}
	return err
}

// nextProto returns the function in TLSNextProto for what TLS agreed on, or nil.
func (d *dialer) nextProto(c *conn) func(string, *tls.Conn) http.RoundTripper {
	if c.tls == nil || c.tls.NegotiatedProtocol == "" {
		return nil
	}
	return d.proto.next[c.tls.NegotiatedProtocol]
}

// hand leaves c to a protocol of TLSNextProto.
func (c *conn) hand(rt http.RoundTripper) error {
	if rt == nil {
		return errors.New("berth: a function in TLSNextProto returned nil")
	}
	if failed, ok := rt.(interface{ RoundTripErr() error }); ok {
		return failed.RoundTripErr() // net/http's and x/net's way to refuse
	}
	c.most = manyStreams
	c.mux = &muxing{rt: rt}
	c.h1 = h1{}
	return nil
}

// manyStreams is no limit.
const manyStreams = 1 << 30
